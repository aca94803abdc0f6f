// Policies of short trainings in all three editions: what `pmoe export` writes of a run acts as the
// run's policy does.
#include "absl/strings/match.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

class ExportTrainedTest : public TrainTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(ExportTrainedTest, ATrainedPolicyActsTheSameWhereItGoes) {
  const std::string algorithm = GetParam();
  std::vector<std::string> flags = SmallRun("sac");
  if (absl::StrContains(algorithm, "ppo") || algorithm == "dac") flags = SmallRun("ppo");
  for (size_t i = 0; i + 1 < flags.size(); ++i) {
    if (flags[i] == "--algo") flags[i + 1] = algorithm;
    if (flags[i] == "--env") flags[i + 1] = "Hopper-v5";
  }
  if (algorithm == "mcp_sac" || algorithm == "dac") {
    flags.insert(flags.end(), {"--set", "policy.primitive_hidden=8"});
  }
  const std::string run = MustTrain("run", flags);
  std::vector<std::string> check = {"env", "PYTHONPATH=" + SourceFile("python"),
                                    std::string(std::getenv("PMOE_DEPS")) + "/venv/bin/python",
                                    "-m", "pmoe.check"};
  for (const char* ending : {".onnx", ".h", ".npz"}) {
    const std::string file = dir_.File(algorithm + ending);
    const ProcessResult exported =
        RunProcess({Binary("pmoe"), "export", "--run", run, "--out", file});
    ASSERT_EQ(exported.exit_code, 0) << exported.output;
    EXPECT_THAT(exported.output, HasSubstr("latest snapshot of 256 env steps"));
    check.push_back(file);
  }
  const ProcessResult checked = RunProcess(check);
  EXPECT_EQ(checked.exit_code, 0) << checked.output;
  EXPECT_THAT(checked.output, HasSubstr("of an episode of Hopper-v5, seed 0"));
}

INSTANTIATE_TEST_SUITE_P(All, ExportTrainedTest,
                         ::testing::Values("sac", "pmoe_sac", "mcp_sac", "ppo", "gating_ppo",
                                           "dac"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace pmoe
