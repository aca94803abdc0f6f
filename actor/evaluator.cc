#include "actor/evaluator.h"

#include <algorithm>
#include <cmath>

#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"

namespace pmoe {
namespace {
constexpr int kLanesMax = 10;
}  // namespace

absl::StatusOr<std::unique_ptr<Evaluator>> Evaluator::Create(const EvaluatorOptions& options,
                                                             const PolicySpec& policy,
                                                             const EnvFactory& make_env) {
  std::vector<std::unique_ptr<Env>> envs;
  for (int i = 0; i < std::min(options.episodes, kLanesMax); ++i) {
    PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Env> env, make_env());
    envs.push_back(std::move(env));
  }
  return std::unique_ptr<Evaluator>(new Evaluator(options, policy, std::move(envs)));
}

Evaluator::Evaluator(const EvaluatorOptions& options, const PolicySpec& policy,
                     std::vector<std::unique_ptr<Env>> envs)
    : options_(options),
      policy_(policy),
      network_(policy, static_cast<int>(envs.size())),
      lanes_(envs.size()),
      rngs_(envs.size()),
      obs_(envs.size() * policy.obs_dim),
      actions_(envs.size() * policy.action_dim),
      primitives_(envs.size()),
      env_obs_(policy.obs_dim),
      env_action_(policy.action_dim) {
  for (size_t i = 0; i < envs.size(); ++i) lanes_[i].env = std::move(envs[i]);
}

absl::StatusOr<Evaluation> Evaluator::Run(std::shared_ptr<const PolicySnapshot> snapshot,
                                          uint32_t stream, const std::function<bool()>& cancelled) {
  Stopwatch watch;
  Evaluation result;
  result.env_steps = snapshot->env_steps;
  result.primitive_usage.assign(policy_.primitives, 0.0);
  result.returns.assign(options_.episodes, 0.0);
  std::vector<int> lengths(options_.episodes, 0);
  PMOE_RETURN_IF_ERROR(network_.Load(std::move(snapshot)));
  for (size_t lane = 0; lane < lanes_.size(); ++lane)
    StartEpisode(lane, static_cast<int>(lane), stream);

  const auto playing = [&](const Lane& lane) { return lane.episode < options_.episodes; };
  while (std::any_of(lanes_.begin(), lanes_.end(), playing)) {
    if (cancelled()) return absl::CancelledError("evaluation cancelled");
    // Idle lanes stay in the batch: its shape, and so every bit, does not depend on when others
    // end.
    network_.Act(obs_, options_.action_mode, absl::MakeSpan(rngs_), absl::MakeSpan(actions_),
                 absl::MakeSpan(primitives_));
    for (size_t lane = 0; lane < lanes_.size(); ++lane) {
      if (playing(lanes_[lane])) StepLane(lane, stream, &lengths, &result);
    }
  }
  double steps = 0.0;
  for (const double count : result.primitive_usage) steps += count;
  for (double& usage : result.primitive_usage) usage /= steps;
  MeanAndStd(result.returns, &result.return_mean, &result.return_std);
  MeanAndStd(std::vector<double>(lengths.begin(), lengths.end()), &result.length_mean,
             &result.length_std);
  result.seconds = watch.Elapsed();
  return result;
}

void Evaluator::StartEpisode(size_t e, int episode, uint32_t stream) {
  Lane& lane = lanes_[e];
  lane.episode = episode;
  lane.episode_return = 0.0;
  lane.length = 0;
  if (episode >= options_.episodes) return;
  const uint32_t index = static_cast<uint32_t>(episode);
  rngs_[e] = Rng(options_.seed, RngRole::kEvaluator, 0, stream, index);
  lane.env->Reset(Rng(options_.seed, RngRole::kEvaluatorReset, 0, stream, index).NextU32(),
                  absl::MakeSpan(env_obs_));
  std::copy(env_obs_.begin(), env_obs_.end(), obs_.begin() + e * policy_.obs_dim);
}

void Evaluator::StepLane(size_t e, uint32_t stream, std::vector<int>* lengths, Evaluation* result) {
  Lane& lane = lanes_[e];
  const absl::Span<const float> action(actions_.data() + e * policy_.action_dim,
                                       policy_.action_dim);
  ScaleAction(policy_, action, absl::MakeSpan(env_action_));
  const StepResult step = lane.env->Step(env_action_, absl::MakeSpan(env_obs_));
  std::copy(env_obs_.begin(), env_obs_.end(), obs_.begin() + e * policy_.obs_dim);
  result->primitive_usage[primitives_[e]] += 1.0;
  lane.episode_return += step.reward;
  ++lane.length;
  if (!step.done()) return;
  result->returns[lane.episode] = lane.episode_return;
  (*lengths)[lane.episode] = lane.length;
  StartEpisode(e, lane.episode + static_cast<int>(lanes_.size()), stream);
}

void MeanAndStd(absl::Span<const double> values, double* mean, double* std) {
  double sum = 0.0, squares = 0.0;
  for (const double value : values) sum += value;
  *mean = values.empty() ? 0.0 : sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - *mean) * (value - *mean);
  *std = values.empty() ? 0.0 : std::sqrt(squares / static_cast<double>(values.size()));
}

}  // namespace pmoe
