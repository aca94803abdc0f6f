// Every algorithm with the built pmoe-train: it trains, and a stopped and resumed run equals an
// uninterrupted one, to the bit.
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* algorithm;
  bool on_policy = false;
  const char* set = "observe.video=false";  // one more setting
};

// Small networks and an early start; 2,000 steps hold updates, episodes' ends and evaluations.
std::vector<std::string> Flags(const Case& c) {
  std::vector<std::string> flags = {"--env", "InvertedPendulum-v5", "--algo", c.algorithm, "--seed",
                                    "3"};
  std::vector<std::string> sets = {"policy.hidden=16",
                                   "learner.critic_hidden=16,16",
                                   "learner.batch_size=32",
                                   "observe.video=false",
                                   "observe.eval_every_steps=500",
                                   "observe.eval_episodes=2",
                                   "observe.log_every_steps=100",
                                   c.set};
  if (c.on_policy) {
    sets.insert(sets.end(), {"schedule.steps_per_round=128", "schedule.total_steps=2048",
                             "learner.epochs=2", "actor.count=2", "actor.envs=2"});
  } else {
    sets.insert(sets.end(), {"schedule.start_steps=100", "schedule.update_after=100",
                             "schedule.total_steps=2000"});
  }
  for (const std::string& set : sets) flags.insert(flags.end(), {"--set", set});
  return flags;
}

class AlgorithmTest : public TrainTest, public ::testing::WithParamInterface<Case> {};

TEST_P(AlgorithmTest, AStoppedAndResumedRunEqualsAnUninterruptedOneAndItsPolicyPlays) {
  const std::vector<std::string> flags = Flags(GetParam());
  const std::string whole = MustTrain("whole", flags);
  const std::string parts = dir_.File("parts");
  ChildProcess child(Command(flags, {"--out", parts}));
  ASSERT_TRUE(child.ReadUntil(GetParam().on_policy ? "384/2,048" : "300/2,000"));
  child.Signal(SIGINT);
  const ProcessResult stopped = child.Wait();
  ASSERT_EQ(stopped.exit_code, 0) << stopped.output;
  ASSERT_THAT(stopped.output, HasSubstr("go on with")) << "the run ended before it was interrupted";
  const ProcessResult resumed = Train({"--resume", parts});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  ExpectSameRun(whole, parts, GetParam().on_policy ? 2048 : 2000);
  const ProcessResult eval =
      RunProcess({Binary("pmoe"), "eval", "--run", whole, "--episodes", "2"});
  EXPECT_EQ(eval.exit_code, 0) << eval.output;
  EXPECT_THAT(eval.output, HasSubstr("return"));
}

constexpr char kLagOne[] = "schedule.lag=1";

constexpr Case kCases[] = {{"gating_sac"},
                           {"mcp_sac", false, "policy.primitive_hidden=8"},
                           {"pmoe_gumbel_sac", false, "learner.gumbel_tau_end=0.5"},
                           {"pmoe_reinforce_sac", false, "learner.reinforce_baseline=expected"},
                           {"mrp_sac"},
                           {"ppo", true, "preset=cleanrl"},
                           {"pmoe_ppo", true, "preset=tianshou"},
                           {"gating_ppo", true},
                           {"mcp_ppo", true, "policy.primitive_hidden=8"},
                           {"pmoe_gumbel_ppo", true},
                           {"pmoe_reinforce_ppo", true},
                           {"dac", true, "policy.primitive_hidden=8"},
                           {"ppo", true, kLagOne},
                           {"dac", true, kLagOne}};

INSTANTIATE_TEST_SUITE_P(All, AlgorithmTest, ::testing::ValuesIn(kCases), [](const auto& info) {
  return absl::StrCat(info.param.algorithm, info.param.set == kLagOne ? "_lag_one" : "");
});

}  // namespace
}  // namespace pmoe
