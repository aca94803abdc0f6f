// Runs the built `pmoe`: exit codes, what goes to which stream, and the hand-over to other
// binaries.
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class PmoeTest : public ::testing::Test {
 protected:
  // A folder of its own holds pmoe alone, so that its neighbours are ours to choose.
  void SetUp() override { fs::copy_file(Binary("pmoe"), dir_.File("pmoe")); }

  // A neighbour that prints its arguments, one per line, and ends with 7.
  void AddNeighbour(const std::string& name) {
    std::ofstream(dir_.File(name)) << "#!/bin/sh\nprintf '%s\\n' " << name << " \"$@\"\nexit 7\n";
    fs::permissions(dir_.File(name), fs::perms::owner_all);
  }

  ProcessResult Pmoe(std::vector<std::string> words) {
    words.insert(words.begin(), dir_.File("pmoe"));
    return RunProcess(words);
  }

  void ExpectUsageError(const std::vector<std::string>& words, const std::string& message) {
    const ProcessResult result = Pmoe(words);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, StartsWith("pmoe: "));
    EXPECT_THAT(result.output, HasSubstr(message));
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1);
  }

  TempDir dir_;
};

TEST_F(PmoeTest, WithoutACommandItShowsTheCommands) {
  const ProcessResult bare = Pmoe({});
  EXPECT_EQ(bare.exit_code, 2);
  for (const char* words : {"--help", "help"}) {
    const ProcessResult help = Pmoe({words});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_EQ(help.output, bare.output);
    for (const char* command : {"train", "eval", "envs", "config", "bench", "version"}) {
      EXPECT_THAT(help.output, HasSubstr(command));
    }
  }
}

TEST_F(PmoeTest, PrintsItsVersion) {
  const ProcessResult result = Pmoe({"version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, StartsWith("pmoe "));
  EXPECT_EQ(Pmoe({"--version"}).output, result.output);
}

TEST_F(PmoeTest, MistypedWordsAreUsageErrors) {
  ExpectUsageError({"trian"}, "unknown command trian; did you mean train?");
  ExpectUsageError({"--hepl"}, "unknown argument --hepl; did you mean --help?");
  ExpectUsageError({"config"}, "pmoe config needs a command: print check");
  ExpectUsageError({"config", "pint"}, "unknown argument pint; did you mean print?");
  ExpectUsageError({"config", "print", "--sed", "1"}, "did you mean --seed?");
  ExpectUsageError({"config", "print", "--seed"}, "--seed needs a value");
  ExpectUsageError({"version", "now"}, "unknown argument now");
}

TEST_F(PmoeTest, ConfigPrintGivesAFileThatConfigCheckTakes) {
  const ProcessResult printed = Pmoe({"config", "print", "--env", "Hopper-v5", "--preset",
                                      "official", "--set", "policy.hidden=64,32"});
  EXPECT_EQ(printed.exit_code, 0);
  EXPECT_THAT(printed.output, HasSubstr("batch_size: 256"));
  std::ofstream(dir_.File("run.textproto")) << printed.output;
  EXPECT_EQ(Pmoe({"config", "print", "--config", dir_.File("run.textproto")}).output,
            printed.output);
}

TEST_F(PmoeTest, ConfigErrorsEndWithTwo) {
  ExpectUsageError({"config", "print", "--set", "learner.actor_lr=-1"},
                   "learner.actor_lr must be > 0, got -1; SAC usually wants 1e-3 to 3e-4");
  ExpectUsageError({"config", "print", "--config", dir_.File("none")}, "No such file");
  ExpectUsageError({"config", "check", "--algo", "pmoesac"}, "did you mean pmoe_sac?");
  ExpectUsageError({"config", "print", "--env-arg", "x"}, "--env-arg needs name=value");
  ExpectUsageError({"config", "check", "--algo", "sac", "--set", "learner.epochs=3"},
                   "learner.epochs=3 does nothing with algorithm sac");
}

TEST_F(PmoeTest, ConfigExplainNamesEverySetting) {
  const ProcessResult result = Pmoe({"config", "print", "--explain"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("schedule.updates_per_step  (a number"));
}

TEST_F(PmoeTest, CommandsOfRolesBecomeTheirBinaries) {
  AddNeighbour("pmoe-train");
  AddNeighbour("pmoe-actor");
  AddNeighbour("pmoe-bench");
  const ProcessResult train = Pmoe({"train", "--env", "a b", "--help"});
  EXPECT_EQ(train.exit_code, 7) << "the role's own";
  EXPECT_EQ(train.output, "pmoe-train\n--env\na b\n--help\n");
  EXPECT_EQ(Pmoe({"eval", "--run", "r"}).output, "pmoe-actor\neval\n--run\nr\n");
  EXPECT_EQ(Pmoe({"envs"}).output, "pmoe-actor\nenvs\n");
  EXPECT_EQ(Pmoe({"bench", "replay", "--json"}).output, "pmoe-bench\nreplay\n--json\n");
}

TEST_F(PmoeTest, CommandsInPythonAreGivenToThePythonThatIsNamed) {
  const ProcessResult given =
      RunProcess({"env", "PMOE_PYTHON=/bin/echo", Binary("pmoe"), "ray", "--actors", "a b"});
  EXPECT_EQ(given.exit_code, 0) << given.output;
  EXPECT_THAT(given.output, EndsWith("/python/pmoe/ray_cluster/__main__.py --actors a b\n"));
  EXPECT_THAT(RunProcess({"env", "PMOE_PYTHON=/bin/echo", Binary("pmoe"), "scale", "-h"}).output,
              EndsWith("/python/pmoe/scale/__main__.py -h\n"));
  EXPECT_THAT(RunProcess({"env", "PMOE_PYTHON=/bin/echo", Binary("pmoe"), "paper"}).output,
              EndsWith("/python/pmoe/paper/__main__.py\n"));
  const ProcessResult none =
      RunProcess({"env", "PMOE_PYTHON=/no/python3", Binary("pmoe"), "ray", "--help"});
  EXPECT_EQ(none.exit_code, 2) << none.output;
  EXPECT_THAT(none.output, HasSubstr("cannot start the Python /no/python3: No such file"));
}

TEST_F(PmoeTest, ConfigCheckLetsTheActorCheckTheTask) {
  AddNeighbour("pmoe-actor");
  const ProcessResult result = Pmoe({"config", "check", "--env", "Hopper-v5", "--env-arg",
                                     "reset_noise_scale=0", "--set", "env.assets=/my/models"});
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.output,
            "settings: valid\npmoe-actor\ncheck-env\n--env\nHopper-v5\n--env-arg\n"
            "reset_noise_scale=0\n--assets\n/my/models\n");
}

TEST_F(PmoeTest, AMissingBinaryIsNamed) {
  ExpectUsageError({"train"}, dir_.File("pmoe-train") + ", which is not there: ./pmoe build");
}

TEST_F(PmoeTest, FindsItsNeighboursThroughALink) {
  AddNeighbour("pmoe-train");
  TempDir elsewhere;
  fs::create_symlink(dir_.File("pmoe"), elsewhere.File("p"));
  EXPECT_EQ(RunProcess({elsewhere.File("p"), "train"}).output, "pmoe-train\n");
}

}  // namespace
}  // namespace pmoe
