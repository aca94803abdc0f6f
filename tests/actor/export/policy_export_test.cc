// `pmoe export` and its Python loader against `pmoe eval --trace`, both as a user runs them.
#include "actor/export/policy_export.h"

#include <gtest/gtest.h>

#include "tests/actor/env/oracle.h"
#include "tests/actor/run_testing.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

class PolicyExportTest : public ::testing::Test {
 protected:
  ProcessResult Pmoe(const std::string& command, std::vector<std::string> words) {
    words.insert(words.begin(), {Binary("pmoe"), command, "--run", dir_.File("run")});
    return RunProcess(words);
  }

  TempDir dir_;
};

// A mixture as SAC has it; gating and MCP with networks of their own; PPO's normalised
// observations, std parameter and clipped actions.
const std::pair<const char*, PolicyChange> kPolicies[] = {
    {"InvertedPendulum-v5", {}},
    {"Hopper-v5", {}},
    {"Hopper-v5", [](PolicyOptions* o) { o->head = HeadType::kGating; }},
    {"Hopper-v5",
     [](PolicyOptions* o) {
       o->head = HeadType::kMcp;
       o->primitive_hidden = {8, 4};
       o->router_hidden = {6};
       o->router_reads_obs = true;
     }},
    {"Hopper-v5", [](PolicyOptions* o) {
       o->activation = o->mean_activation = Activation::kTanh;
       o->action_map = ActionMap::kRescaleClip;
       o->std_is_parameter = o->normalizes_obs = true;
     }}};

TEST_F(PolicyExportTest, PythonActsAsTheActorDoes) {
  for (const auto& [id, change] : kPolicies) {
    MakeRandomRun(dir_.File("run"), id, change);
    const ProcessResult eval = Pmoe("eval", {"--primitive", "argmax", "--action", "mean",
                                             "--episodes", "5", "--trace", dir_.File("t.csv")});
    ASSERT_EQ(eval.exit_code, 0) << eval.output;
    const ProcessResult exported = Pmoe("export", {"--out", dir_.File("p.npz")});
    ASSERT_EQ(exported.exit_code, 0) << exported.output;
    const std::string said =
        RunOracle("../export/export_oracle.py", {dir_.File("p.npz"), dir_.File("t.csv"), id});
    EXPECT_NE(said.find("returns: 5 episodes agree"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace pmoe
