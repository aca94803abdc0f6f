#include "common/config/run_config.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

absl::StatusOr<RunConfig> Parse(const std::string& text) {
  return ParseConfigText(text, "run.textproto");
}

TEST(ParseConfigTextTest, KeepsUnsetFieldsUnset) {
  const absl::StatusOr<RunConfig> config = Parse("# mine\nlearner { actor_lr: 3e-4 }\n");
  ASSERT_OK(config);
  EXPECT_EQ(config->learner().actor_lr(), 3e-4);
  EXPECT_FALSE(config->learner().has_critic_lr());
  EXPECT_FALSE(config->has_env());
}

TEST(ParseConfigTextTest, UnknownFieldsComeWithLinePathAndNearName) {
  EXPECT_THAT(Parse("env {\n  id: \"Hopper-v5\"  # not } here {\n}\nlearner {\n  actor_rl: 3\n}\n"),
              IsInvalid("run.textproto:5: unknown field learner.actor_rl; did you mean actor_lr?"));
  EXPECT_THAT(Parse("env { arg { nam: \"x\" } }"),
              IsInvalid("run.textproto:1: unknown field env.arg.nam; did you mean name?"));
  EXPECT_THAT(Parse("\nlerner { }"),
              IsInvalid("run.textproto:2: unknown field lerner; did you mean learner?"));
}

TEST(ParseConfigTextTest, FieldsInTheWrongGroupAreFound) {
  EXPECT_THAT(Parse("policy { batch_size: 3 }"),
              IsInvalid("unknown field policy.batch_size; did you mean learner.batch_size?"));
}

TEST(ParseConfigTextTest, WrongTypesComeWithLineAndPath) {
  EXPECT_THAT(Parse("learner {\n  batch_size: 10\n  actor_lr: \"a\"\n}"),
              IsInvalid("run.textproto:3: learner.actor_lr must be a number"));
  EXPECT_THAT(Parse("schedule { total_steps: 1.5 }"),
              IsInvalid("run.textproto:1: schedule.total_steps must be a whole number"));
  EXPECT_THAT(Parse("learner { tune_alpha: maybe }"),
              IsInvalid("run.textproto:1: learner.tune_alpha must be true or false"));
  EXPECT_THAT(Parse("algorithm: sac"), IsInvalid("run.textproto:1: algorithm must be text"));
  EXPECT_THAT(Parse("seed: -4"), IsInvalid("run.textproto:1: seed must be a whole number"));
}

TEST(ParseConfigTextTest, SaysWhenTheTextEndsTooEarly) {
  EXPECT_THAT(Parse("learner {\n  batch_size: 10\n"), IsInvalid("the text ends too early"));
  EXPECT_THAT(Parse("seed:"), IsInvalid("the text ends too early after seed"));
}

TEST(ParseConfigTextTest, AFieldIsGivenOnce) {
  EXPECT_THAT(Parse("seed: 1\nseed: 2\n"), IsInvalid("run.textproto:2: seed: "));
}

TEST(ParseConfigTextTest, SurvivesAnyText) {
  for (const std::string text : {"", "}", "{", "\"", "'\\", "a:\"\\", "#", "env { } }",
                                 "\t\tx\t: 1", "learner { actor_lr: [1, 2] }"}) {
    EXPECT_EQ(Parse(text).ok(), text.empty() || text == "#") << text;
  }
}

}  // namespace
}  // namespace pmoe
