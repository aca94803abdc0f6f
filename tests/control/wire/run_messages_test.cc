#include "control/wire/run_messages.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

TEST(RunMessagesTest, ADirectiveComesBackAsItWas) {
  Directive directive;
  directive.state = RunState::kFinished;
  directive.round = 7;
  directive.steps_per_env = 50;
  directive.until_next = true;
  directive.act_uniform = true;
  directive.checkpoint = true;
  directive.env_steps = 1234567890123;
  const auto back = FromMessage(ToMessage(directive));
  ASSERT_OK(back);
  EXPECT_EQ(back->state, RunState::kFinished);
  EXPECT_EQ(back->round, 7u);
  EXPECT_EQ(back->steps_per_env, 50u);
  EXPECT_TRUE(back->until_next);
  EXPECT_TRUE(back->act_uniform);
  EXPECT_TRUE(back->checkpoint);
  EXPECT_EQ(back->env_steps, 1234567890123u);
}

TEST(RunMessagesTest, AStateOfANewerLearnerIsRefused) {
  DirectiveMessage message;
  message.set_state(static_cast<DirectiveMessage::State>(17));
  EXPECT_THAT(FromMessage(message), IsInvalid("unknown state 17"));
}

TEST(RunMessagesTest, AReportComesBackAsItWas) {
  ActorReport report;
  report.actor = 3;
  report.round = 9;
  report.env_steps = 400;
  report.episodes = {{-1.5, 10}, {2.25, 1000}};
  report.seconds = {0.5, 0.25, 0.125, 0.0625, 8.0};
  report.acting_version = 41;
  report.checkpoint_part = std::string("\0part", 5);
  report.info = {{"success", {2.0, 3}}, {"distance", {0.5, 1}}};
  report.env_errors = 4;
  report.env_error = "Traceback\nValueError";
  const ActorReport back = FromMessage(3, ToMessage(report));
  ASSERT_EQ(back.info.size(), 2u);
  EXPECT_EQ(back.info.at("success").sum, 2.0);
  EXPECT_EQ(back.info.at("success").episodes, 3u);
  EXPECT_EQ(back.env_errors, 4u);
  EXPECT_EQ(back.env_error, report.env_error);
  EXPECT_EQ(back.actor, 3u);
  EXPECT_EQ(back.round, 9u);
  EXPECT_EQ(back.env_steps, 400u);
  ASSERT_EQ(back.episodes.size(), 2u);
  EXPECT_EQ(back.episodes[0].episode_return, -1.5);
  EXPECT_EQ(back.episodes[1].length, 1000u);
  EXPECT_EQ(back.seconds.env, 0.5);
  EXPECT_EQ(back.seconds.policy, 0.25);
  EXPECT_EQ(back.seconds.write, 0.125);
  EXPECT_EQ(back.seconds.blocked, 0.0625);
  EXPECT_EQ(back.seconds.idle, 8.0);
  EXPECT_EQ(back.acting_version, 41u);
  EXPECT_EQ(back.checkpoint_part, report.checkpoint_part);
}

TEST(RunMessagesTest, AnEvaluationComesBackAsItWas) {
  Evaluation evaluation;
  evaluation.env_steps = 5000;
  evaluation.return_mean = 1.0 / 3.0;
  evaluation.return_std = 0.1;
  evaluation.length_mean = 999.5;
  evaluation.length_std = 0.5;
  evaluation.primitive_usage = {0.25, 0.75};
  evaluation.returns = {1.0, -1.0 / 3.0};
  evaluation.seconds = 2.5;
  evaluation.info = {{"success", 0.75}};
  const EvaluationMessage message = ToMessage(42, evaluation);
  EXPECT_EQ(message.version(), 42u);
  const Evaluation back = FromMessage(message);
  EXPECT_EQ(back.env_steps, 5000u);
  EXPECT_EQ(back.return_mean, 1.0 / 3.0);
  EXPECT_EQ(back.return_std, 0.1);
  EXPECT_EQ(back.length_mean, 999.5);
  EXPECT_EQ(back.length_std, 0.5);
  EXPECT_EQ(back.primitive_usage, evaluation.primitive_usage);
  EXPECT_EQ(back.returns, evaluation.returns);
  EXPECT_EQ(back.seconds, 2.5);
  EXPECT_EQ(back.info, evaluation.info);
}

}  // namespace
}  // namespace pmoe
