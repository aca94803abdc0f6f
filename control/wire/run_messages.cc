#include "control/wire/run_messages.h"

#include "absl/strings/str_cat.h"

namespace pmoe {

DirectiveMessage ToMessage(const Directive& directive) {
  DirectiveMessage message;
  message.set_state(directive.state == RunState::kFinished ? DirectiveMessage::FINISHED
                                                           : DirectiveMessage::RUNNING);
  message.set_round(directive.round);
  message.set_steps_per_env(directive.steps_per_env);
  message.set_until_next(directive.until_next);
  message.set_act_uniform(directive.act_uniform);
  message.set_checkpoint(directive.checkpoint);
  message.set_env_steps(directive.env_steps);
  return message;
}

absl::StatusOr<Directive> FromMessage(const DirectiveMessage& message) {
  Directive directive;
  switch (message.state()) {
    case DirectiveMessage::RUNNING:
      directive.state = RunState::kRunning;
      break;
    case DirectiveMessage::FINISHED:
      directive.state = RunState::kFinished;
      break;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("directive: unknown state ", message.state(), "; is the learner newer?"));
  }
  directive.round = message.round();
  directive.steps_per_env = message.steps_per_env();
  directive.until_next = message.until_next();
  directive.act_uniform = message.act_uniform();
  directive.checkpoint = message.checkpoint();
  directive.env_steps = message.env_steps();
  return directive;
}

std::string RoleName(RunRole role) {
  switch (role) {
    case RUN_ROLE_ACTOR:
      return "actor";
    case RUN_ROLE_EVALUATOR:
      return "evaluator";
    case RUN_ROLE_REPLAY:
      return "replay";
    case RUN_ROLE_LEARNER:
      return "learner";
    default:
      return "unknown";
  }
}

namespace {

template <typename Message>
void PutInfo(const std::string& name, double sum, uint64_t episodes, Message* message) {
  InfoMessage* const info = message->add_info();
  info->set_name(name);
  info->set_sum(sum);
  info->set_episodes(episodes);
}

}  // namespace

ActorReportMessage ToMessage(const ActorReport& report) {
  ActorReportMessage message;
  message.set_round(report.round);
  message.set_env_steps(report.env_steps);
  for (const EpisodeResult& episode : report.episodes) {
    EpisodeMessage* to = message.add_episodes();
    to->set_episode_return(episode.episode_return);
    to->set_length(episode.length);
    to->set_diverged(episode.diverged != 0);
  }
  message.set_env_s(report.seconds.env);
  message.set_policy_s(report.seconds.policy);
  message.set_write_s(report.seconds.write);
  message.set_blocked_s(report.seconds.blocked);
  message.set_idle_s(report.seconds.idle);
  message.set_acting_version(report.acting_version);
  message.set_checkpoint_part(report.checkpoint_part);
  message.set_deadline_misses(report.deadline_misses);
  message.set_rows_left_out(report.rows_left_out);
  for (const auto& [name, info] : report.info) PutInfo(name, info.sum, info.episodes, &message);
  message.set_env_errors(report.env_errors);
  message.set_env_error(report.env_error);
  return message;
}

ActorReport FromMessage(uint32_t actor, const ActorReportMessage& message) {
  ActorReport report;
  report.actor = actor;
  report.round = message.round();
  report.env_steps = message.env_steps();
  for (const EpisodeMessage& episode : message.episodes()) {
    report.episodes.push_back(
        {episode.episode_return(), episode.length(), episode.diverged() ? 1u : 0u});
  }
  report.seconds = {message.env_s(), message.policy_s(), message.write_s(), message.blocked_s(),
                    message.idle_s()};
  report.acting_version = message.acting_version();
  report.checkpoint_part = message.checkpoint_part();
  report.deadline_misses = message.deadline_misses();
  report.rows_left_out = message.rows_left_out();
  for (const InfoMessage& info : message.info()) {
    report.info[info.name()] = {info.sum(), info.episodes()};
  }
  report.env_errors = message.env_errors();
  report.env_error = message.env_error();
  return report;
}

EvaluationMessage ToMessage(uint64_t version, const Evaluation& evaluation) {
  EvaluationMessage message;
  message.set_version(version);
  message.set_env_steps(evaluation.env_steps);
  message.set_return_mean(evaluation.return_mean);
  message.set_return_std(evaluation.return_std);
  message.set_length_mean(evaluation.length_mean);
  message.set_length_std(evaluation.length_std);
  message.mutable_primitive_usage()->Add(evaluation.primitive_usage.begin(),
                                         evaluation.primitive_usage.end());
  message.mutable_returns()->Add(evaluation.returns.begin(), evaluation.returns.end());
  message.set_seconds(evaluation.seconds);
  for (const auto& [name, mean] : evaluation.info) PutInfo(name, mean, 1, &message);
  return message;
}

Evaluation FromMessage(const EvaluationMessage& message) {
  Evaluation evaluation;
  evaluation.env_steps = message.env_steps();
  evaluation.return_mean = message.return_mean();
  evaluation.return_std = message.return_std();
  evaluation.length_mean = message.length_mean();
  evaluation.length_std = message.length_std();
  evaluation.primitive_usage.assign(message.primitive_usage().begin(),
                                    message.primitive_usage().end());
  evaluation.returns.assign(message.returns().begin(), message.returns().end());
  evaluation.seconds = message.seconds();
  for (const InfoMessage& info : message.info()) evaluation.info[info.name()] = info.sum();
  return evaluation;
}

}  // namespace pmoe
