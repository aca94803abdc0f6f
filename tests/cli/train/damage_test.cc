// Every file of a run's directory lost, cut and with a flipped bit: the run goes on, or says what
// to do. The list of files is the directory's own, so that a new one cannot be forgotten.
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "absl/strings/match.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// What happens to a file. Takes its bytes and gives them back; nullopt: the file is gone.
struct Damage {
  std::string name;
  std::function<std::optional<std::string>(std::string)> spoil;
};

std::vector<Damage> Damages() {
  const auto cut = [](size_t (*length)(size_t)) {
    return [length](std::string bytes) -> std::optional<std::string> {
      return bytes.substr(0, length(bytes.size()));
    };
  };
  const auto flip = [](size_t eighths, int bit) {
    return [=](std::string bytes) -> std::optional<std::string> {
      if (!bytes.empty()) bytes[(bytes.size() - 1) * eighths / 8] ^= static_cast<char>(1 << bit);
      return bytes;
    };
  };
  std::vector<Damage> damages = {
      {"gone", [](const std::string&) -> std::optional<std::string> { return std::nullopt; }},
      {"empty", cut([](size_t) -> size_t { return 0; })},
      {"cut to 1 byte", cut([](size_t) -> size_t { return 1; })},
      {"cut to half", cut([](size_t size) { return size / 2; })},
      {"without its last byte", cut([](size_t size) { return size == 0 ? 0 : size - 1; })},
  };
  for (size_t eighths = 0; eighths <= 8; eighths += 2) {
    for (const int bit : {0, 6}) {
      damages.push_back({absl::StrCat("bit ", bit, " at ", eighths, "/8"), flip(eighths, bit)});
    }
  }
  return damages;
}

class DamageTest : public TrainTest {
 protected:
  std::string MakeRun(const std::string& algorithm) {
    return MustTrain("whole", SmallRun(algorithm));
  }
  static std::vector<std::string> FilesOf(const std::string& run) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(run)) {
      if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), run));
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  // A copy in which one file is damaged.
  std::string Copy(const std::string& run, const std::string& file, const Damage& damage) {
    const std::string copy = dir_.File("copy");
    fs::remove_all(copy);
    fs::copy(run, copy, fs::copy_options::recursive);
    const std::optional<std::string> bytes = damage.spoil(BytesOf(copy + "/" + file));
    if (bytes.has_value()) {
      std::ofstream(copy + "/" + file, std::ios::binary) << *bytes;
    } else {
      fs::remove(copy + "/" + file);
    }
    return copy;
  }
  // Ends by itself, in order, and where it refuses it names the file or the directory.
  static ProcessResult MustAnswer(std::vector<std::string> words, const std::string& copy) {
    words.insert(words.begin(), {"/usr/bin/timeout", "-s", "KILL", "100"});
    const ProcessResult result = RunProcess(words);
    EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 2)
        << result.exit_code << " " << result.output;
    if (result.exit_code == 2) {
      EXPECT_THAT(result.output, HasSubstr(copy));
    }
    return result;
  }
  // about_task: of the task as the run was made with it, with which `verify` has nothing to
  // compare.
  void ExpectResumesOrExplains(const std::string& copy, bool about_task) {
    const ProcessResult verify = RunProcess({Binary("pmoe"), "run", "verify", copy, "--json"});
    EXPECT_TRUE(verify.exit_code == 0 || verify.exit_code == 1) << verify.output;
    const ProcessResult resumed = MustAnswer(
        Command({"--resume", copy, "--set", "schedule.total_steps=320", "--dashboard", "none"}),
        copy);
    // What verify promises comes true, and a run that has gone on is whole again.
    const bool promised = !absl::StrContains(verify.output, "\"resumes_at\": null");
    if (!about_task) {
      EXPECT_EQ(resumed.exit_code, promised ? 0 : 2) << verify.output << resumed.output;
    }
    if (resumed.exit_code == 0) {
      EXPECT_TRUE(fs::exists(copy + "/checkpoints/320/state.pmoe"));
    }
  }
  // All of them where PMOE_EVERY_DAMAGE is set; else one of every second file, from `first` on.
  void DamageEveryFile(const std::string& algorithm, size_t first) {
    const std::string run = MakeRun(algorithm);
    const std::vector<Damage> damages = Damages();
    const bool all = std::getenv("PMOE_EVERY_DAMAGE") != nullptr;
    const std::vector<std::string> files = FilesOf(run);
    ASSERT_GT(files.size(), 12u);
    for (size_t i = 0; i < files.size(); ++i) {
      for (size_t j = 0; j < damages.size(); ++j) {
        if (!all && (i % 2 != first || j != 5 * i % damages.size())) continue;
        SCOPED_TRACE(absl::StrCat(files[i], ": ", damages[j].name));
        ExpectResumesOrExplains(Copy(run, files[i], damages[j]), files[i].starts_with("env/"));
        if (HasFailure()) return;
      }
    }
  }
};

TEST_F(DamageTest, ARunOfSacGoesOnOrSaysWhatToDo) { DamageEveryFile("sac", 0); }

TEST_F(DamageTest, ARunOfPpoGoesOnOrSaysWhatToDo) { DamageEveryFile("ppo", 1); }

// The commands that only look: damages of what they read.
TEST_F(DamageTest, WhoeverLooksAtARunSaysWhatIsWrong) {
  const std::string run = MakeRun("sac");
  const std::vector<Damage> damages = Damages();
  for (const std::string file :
       {"config.textproto", "snapshots/latest.pmoe", "env/identity.textproto"}) {
    for (size_t j = 0; j < damages.size(); j += 4) {
      SCOPED_TRACE(absl::StrCat(file, ": ", damages[j].name));
      const std::string copy = Copy(run, file, damages[j]);
      MustAnswer({Binary("pmoe"), "eval", "--run", copy, "--episodes", "1"}, copy);
      MustAnswer({Binary("pmoe"), "export", "--run", copy, "--out", dir_.File("p.npz")}, copy);
    }
  }
}

TEST_F(DamageTest, AnUnknownChoiceInAConfigurationIsRefusedByEval) {
  const std::string run = MakeRun("sac");
  std::string text = BytesOf(run + "/config.textproto");
  text.resize(text.rfind("# crc32c"));
  text.replace(text.find("lockstep"), 8, "lockstop");
  std::ofstream(run + "/config.textproto") << text;
  const ProcessResult result = RunProcess({Binary("pmoe"), "eval", "--run", run});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output,
              HasSubstr("config.textproto: schedule.mode must be lockstep or async"));
}

// Those before it were lost when their tables were not kept with them.
TEST_F(DamageTest, ALockstepRunGoesOnBitForBitFromTheCheckpointBefore) {
  const std::string run = MakeRun("sac");
  const std::string copy =
      Copy(run, "checkpoints/256/state.pmoe", {"", [](std::string bytes) {
                                                 bytes[bytes.size() / 2] ^= 1;
                                                 return std::optional<std::string>(bytes);
                                               }});
  const ProcessResult result = Train({"--resume", copy, "--dashboard", "none"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("passed over the checkpoint at 256 env steps"));
  EXPECT_THAT(result.output, HasSubstr("256.damaged"));
  ExpectSameRun(run, copy, 256);
}

}  // namespace
}  // namespace pmoe
