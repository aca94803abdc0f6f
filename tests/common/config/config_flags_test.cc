#include "common/config/config_flags.h"

#include "CLI/CLI.hpp"
#include "common/base/command_line.h"
#include "common/base/exit_code.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// Parses the words as `pmoe train` does.
class ConfigFlagsTest : public ::testing::Test {
 protected:
  ConfigFlagsTest() { flags_.AddTo(&app_); }

  std::optional<int> Parse(std::vector<const char*> words) {
    words.insert(words.begin(), "pmoe-train");
    return ParseCommandLine(&app_, static_cast<int>(words.size()), words.data());
  }

  CLI::App app_;
  TrainFlags flags_;
};

TEST_F(ConfigFlagsTest, NothingGivenIsNothingSet) {
  ASSERT_EQ(Parse({}), std::nullopt);
  const absl::StatusOr<RunStartOptions> options = flags_.Options();
  ASSERT_OK(options);
  EXPECT_THAT(options->config.flags, IsEmpty());
  EXPECT_THAT(options->config.sets, IsEmpty());
  EXPECT_EQ(options->config.preset + options->config.config_file + options->out + options->resume,
            "");
}

TEST_F(ConfigFlagsTest, EveryFlagReachesItsSetting) {
  ASSERT_EQ(Parse({"--env",    "Hopper-v5", "--algo",   "sac",   "--mode",   "lockstep",
                   "--steps",  "1e5",       "--seed",   "7",     "--actors", "2",
                   "--device", "cpu",       "--preset", "paper", "--config", "a.textproto",
                   "--out",    "o",         "--resume", "r"}),
            std::nullopt);
  const absl::StatusOr<RunStartOptions> options = flags_.Options();
  ASSERT_OK(options);
  EXPECT_THAT(
      options->config.flags,
      ElementsAre(Pair("env.id", "Hopper-v5"), Pair("algorithm", "sac"),
                  Pair("schedule.mode", "lockstep"), Pair("schedule.total_steps", "1e5"),
                  Pair("seed", "7"), Pair("actor.count", "2"), Pair("learner.device", "cpu")));
  EXPECT_EQ(options->config.preset, "paper");
  EXPECT_EQ(options->config.config_file, "a.textproto");
  EXPECT_EQ(options->out, "o");
  EXPECT_EQ(options->resume, "r");
}

TEST_F(ConfigFlagsTest, RepeatedFlagsTakeOneWordEach) {
  ASSERT_EQ(Parse({"--set", "seed=1", "--set", "policy.hidden=8,8", "--env-arg", "a=1", "--env-arg",
                   "b=c=d"}),
            std::nullopt);
  const absl::StatusOr<RunStartOptions> options = flags_.Options();
  ASSERT_OK(options);
  EXPECT_THAT(options->config.sets, ElementsAre("seed=1", "policy.hidden=8,8"));
  EXPECT_THAT(options->config.flags, ElementsAre(Pair("env.arg.a", "1"), Pair("env.arg.b", "c=d")));
  EXPECT_EQ(Parse({"--set", "seed=1", "stray"}), 2);
}

TEST_F(ConfigFlagsTest, TaskParametersNeedAValue) {
  ASSERT_EQ(Parse({"--env-arg", "a"}), std::nullopt);
  EXPECT_THAT(flags_.Options(), IsInvalid("--env-arg needs name=value"));
}

TEST_F(ConfigFlagsTest, UsageErrorsEndWithTwoAndNameTheNearestFlag) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(Parse({"--sed", "3"}), 2);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "pmoe: unknown argument --sed; did you mean --seed? (see pmoe train --help)\n");
}

TEST_F(ConfigFlagsTest, SeedsAreARunEach) {
  ASSERT_EQ(Parse({"--seeds", "1..3,7", "--jobs", "2"}), std::nullopt);
  const absl::StatusOr<RunStartOptions> options = flags_.Options();
  ASSERT_OK(options);
  EXPECT_THAT(options->seeds, ElementsAre(1, 2, 3, 7));
  EXPECT_EQ(options->jobs, 2);
  EXPECT_THAT(options->config.flags, IsEmpty());
}

TEST_F(ConfigFlagsTest, SeedsAreRefusedBesideAnotherNameOfTheSeed) {
  for (const char* other : {"--seed=3", "--set=seed=3"}) {
    CLI::App app;
    TrainFlags flags;
    flags.AddTo(&app);
    const std::vector<const char*> words = {"pmoe-train", "--seeds", "1..3", other};
    ASSERT_EQ(ParseCommandLine(&app, 4, words.data()), std::nullopt);
    EXPECT_THAT(flags.Options(), IsInvalid("leave --seed and --set seed=… away"));
  }
  ASSERT_EQ(Parse({"--seeds", "1..3", "--resume", "r"}), std::nullopt);
  EXPECT_THAT(flags_.Options(), IsInvalid("leave --seeds away"));
}

TEST(TrainFlagsTest, WhoCannotTrainSeveralSeedsSaysWhoCan) {
  CLI::App app;
  TrainFlags flags;
  flags.AddOptions(&app);
  const std::vector<const char*> words = {"pmoe", "--seeds", "1..3"};
  ASSERT_EQ(ParseCommandLine(&app, 3, words.data()), std::nullopt);
  EXPECT_THAT(flags.Options(), IsInvalid("--seeds is for `pmoe train`"));
  EXPECT_THAT(app.help(), ::testing::Not(HasSubstr("--seeds")));
}

TEST_F(ConfigFlagsTest, HelpShowsExamples) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(Parse({"--help"}), 0);
  const std::string help = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(help, HasSubstr("Usage: pmoe train [OPTIONS]"));
  EXPECT_THAT(help, HasSubstr("pmoe train --env HalfCheetah-v5\n"));
  EXPECT_THAT(help, HasSubstr("--seeds LIST"));
}

TEST(ExitCodeTest, TwoForWhatTheUserCanMend) {
  EXPECT_EQ(ExitCode(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCode(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCode(absl::NotFoundError("")), 2);
  EXPECT_EQ(ExitCode(absl::FailedPreconditionError("")), 2);
  EXPECT_EQ(ExitCode(absl::ResourceExhaustedError("")), 2);
  EXPECT_EQ(ExitCode(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCode(absl::DataLossError("")), 1);
}

}  // namespace
}  // namespace pmoe
