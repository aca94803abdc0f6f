#include "common/config/run_config.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;

TEST(SetFieldTest, ReadsEveryType) {
  RunConfig config;
  ASSERT_OK(SetField(&config, "algorithm", "sac"));
  ASSERT_OK(SetField(&config, "seed", "18446744073709551615"));
  ASSERT_OK(SetField(&config, "learner.batch_size", "256"));
  ASSERT_OK(SetField(&config, "learner.actor_lr", "3e-4"));
  ASSERT_OK(SetField(&config, "learner.tune_alpha", "true"));
  ASSERT_OK(SetField(&config, "replay.capacity", "5000000000"));
  EXPECT_EQ(config.algorithm(), "sac");
  EXPECT_EQ(config.seed(), 18446744073709551615u);
  EXPECT_EQ(config.learner().batch_size(), 256);
  EXPECT_EQ(config.learner().actor_lr(), 3e-4);
  EXPECT_TRUE(config.learner().tune_alpha());
  EXPECT_EQ(config.replay().capacity(), 5000000000);
}

TEST(SetFieldTest, WholeNumbersMayHaveAnExponent) {
  RunConfig config;
  ASSERT_OK(SetField(&config, "schedule.total_steps", "2.5e6"));
  EXPECT_EQ(config.schedule().total_steps(), 2500000);
  EXPECT_THAT(SetField(&config, "schedule.total_steps", "1.5"), IsInvalid("a whole number"));
  EXPECT_THAT(SetField(&config, "learner.batch_size", "1e10"), IsInvalid("a whole number"));
}

TEST(SetFieldTest, ListsAreReplacedByCommaLists) {
  RunConfig config;
  ASSERT_OK(SetField(&config, "policy.hidden", "64, 64,32"));
  ASSERT_OK(SetField(&config, "policy.hidden", "128,64"));
  EXPECT_THAT(config.policy().hidden(), ElementsAre(128, 64));
  ASSERT_OK(SetField(&config, "policy.hidden", ""));
  EXPECT_THAT(config.policy().hidden(), ElementsAre());
}

TEST(SetFieldTest, ABadListLeavesTheOldOne) {
  RunConfig config;
  ASSERT_OK(SetField(&config, "policy.hidden", "64"));
  EXPECT_THAT(SetField(&config, "policy.hidden", "32,x"),
              IsInvalid("policy.hidden must be a list of whole numbers with commas between, like "
                        "256,256, got \"32,x\""));
  EXPECT_THAT(SetField(&config, "policy.hidden", "32,,32"), IsInvalid("policy.hidden"));
  EXPECT_THAT(config.policy().hidden(), ElementsAre(64));
}

TEST(SetFieldTest, TaskParametersAreSetByName) {
  RunConfig config;
  ASSERT_OK(SetField(&config, "env.arg.ctrl_cost_weight", "0.1"));
  ASSERT_OK(SetField(&config, "env.arg.healthy_z_range", "0.8,2.0"));
  ASSERT_OK(SetField(&config, "env.arg.ctrl_cost_weight", "0.2"));
  ASSERT_EQ(config.env().arg_size(), 2);
  EXPECT_EQ(config.env().arg(0).name(), "ctrl_cost_weight");
  EXPECT_EQ(config.env().arg(0).value(), "0.2");
  EXPECT_EQ(config.env().arg(1).value(), "0.8,2.0");
  EXPECT_THAT(SetField(&config, "env.arg.", "1"), IsInvalid("needs a name"));
}

TEST(SetFieldTest, TaskParametersAreReplacedAsAList) {
  RunConfig config;
  ASSERT_OK(SetField(&config, "env.arg.a", "1"));
  ASSERT_OK(SetField(&config, "env.arg", "b=2,c=3"));
  ASSERT_EQ(config.env().arg_size(), 2);
  EXPECT_EQ(config.env().arg(1).name(), "c");
  EXPECT_THAT(SetField(&config, "env.arg", "b"), IsInvalid("must be a list of NAME=VALUE"));
}

TEST(SetFieldTest, WrongTypesNameTheFieldTheValueAndWhatIsUsual) {
  RunConfig config;
  EXPECT_THAT(SetField(&config, "learner.actor_lr", "fast"),
              IsInvalid("learner.actor_lr must be a number, got \"fast\"; SAC usually wants"));
  EXPECT_THAT(SetField(&config, "learner.tune_alpha", "maybe"),
              IsInvalid("learner.tune_alpha must be true or false, got \"maybe\""));
  EXPECT_THAT(SetField(&config, "seed", "-1"), IsInvalid("seed must be a whole number >= 0"));
  EXPECT_THAT(SetField(&config, "learner.batch_size", "5000000000"),
              IsInvalid("learner.batch_size must be a whole number"));
  EXPECT_EQ(PrintConfig(config), "");
}

TEST(SetFieldTest, UnknownFieldsComeWithNearNames) {
  RunConfig config;
  EXPECT_THAT(SetField(&config, "learner.actor_rl", "1"),
              IsInvalid("unknown setting learner.actor_rl; did you mean learner.actor_lr"));
  EXPECT_THAT(SetField(&config, "learner", "1"), IsInvalid("is a group of settings"));
  EXPECT_THAT(SetField(&config, "", "1"), IsInvalid("unknown setting"));
}

}  // namespace
}  // namespace pmoe
