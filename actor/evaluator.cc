#include "actor/evaluator.h"

#include <algorithm>
#include <cmath>

#include "actor/episode_start.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"

namespace pmoe {
absl::StatusOr<std::unique_ptr<Evaluator>> Evaluator::Create(const EvaluatorOptions& options,
                                                             const PolicySpec& policy,
                                                             const EnvFactory& make_env) {
  std::vector<std::unique_ptr<Env>> envs;
  for (int i = 0; i < std::min(options.episodes, options.lanes); ++i) {
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

// Episode i is always played in lane i mod `lanes` of a batch that large, and idle lanes stay in
// the batch: its bits depend neither on when others end nor on how many threads share the work.
absl::StatusOr<std::vector<Episode>> Evaluator::Play(std::shared_ptr<const PolicySnapshot> snapshot,
                                                     uint32_t stream,
                                                     const std::function<bool()>& cancelled) {
  std::vector<Episode> played;
  PMOE_RETURN_IF_ERROR(network_.Load(std::move(snapshot)));
  const size_t first = options_.part * lanes_.size();
  for (size_t lane = 0; lane < lanes_.size(); ++lane)
    PMOE_RETURN_IF_ERROR(Start(lane, static_cast<int>(first + lane), stream));
  while (
      std::any_of(lanes_.begin(), lanes_.end(), [this](const Lane& lane) { return Plays(lane); })) {
    if (cancelled()) return absl::CancelledError("evaluation cancelled");
    network_.Act(obs_, options_.action, absl::MakeSpan(rngs_), absl::MakeSpan(actions_),
                 absl::MakeSpan(primitives_));
    if (lanes_.size() > 1) BeginSteps();
    for (size_t lane = 0; lane < lanes_.size(); ++lane) {
      if (Plays(lanes_[lane])) PMOE_RETURN_IF_ERROR(StepLane(lane, stream, &played));
    }
  }
  std::sort(played.begin(), played.end(),
            [](const Episode& a, const Episode& b) { return a.index < b.index; });
  return played;
}

absl::StatusOr<Evaluation> Evaluator::Run(std::shared_ptr<const PolicySnapshot> snapshot,
                                          uint32_t stream, const std::function<bool()>& cancelled) {
  Stopwatch watch;
  const uint64_t env_steps = snapshot->env_steps;
  PMOE_ASSIGN_OR_RETURN(const std::vector<Episode> episodes,
                        Play(std::move(snapshot), stream, cancelled));
  return Summarize(episodes, env_steps, watch.Elapsed());
}

absl::Status Evaluator::Start(size_t e, int episode, uint32_t stream) {
  Lane& lane = lanes_[e];
  lane.episode = {.index = episode,
                  .total_reward = 0.0,
                  .length = 0,
                  .reset_seed = 0,
                  .primitive_steps = std::vector<int64_t>(policy_.components()),
                  .info = {}};
  lane.failed = false;
  if (!Plays(lane)) return absl::OkStatus();
  const uint32_t index = static_cast<uint32_t>(episode);
  rngs_[e] = Rng(options_.seed, RngRole::kEvaluator, 0, stream, index);
  lane.noise = Rng(options_.seed, RngRole::kEvaluatorNoise, 0, stream, index);
  Rng seeds(options_.seed, RngRole::kEvaluatorReset, 0, stream, index);
  PMOE_ASSIGN_OR_RETURN(lane.episode.reset_seed,
                        StartEpisode(lane.env.get(), &seeds, absl::MakeSpan(env_obs_), Failed()));
  network_.StartEpisode(static_cast<int>(e));
  See(e);
  return absl::OkStatus();
}

// env_obs_ becomes what the policy sees in that lane.
void Evaluator::See(size_t e) {
  float* const obs = obs_.data() + e * policy_.obs_dim;
  std::copy(env_obs_.begin(), env_obs_.end(), obs);
  if (options_.obs_noise == 0.0) return;
  const float sigma = static_cast<float>(options_.obs_noise);
  for (int i = 0; i < policy_.obs_dim; ++i) obs[i] += sigma * lanes_[e].noise.Normal();
}

void Evaluator::BeginSteps() {
  for (size_t e = 0; e < lanes_.size(); ++e) {
    if (!Plays(lanes_[e])) continue;
    ScaleAction(policy_, {actions_.data() + e * policy_.action_dim, size_t(policy_.action_dim)},
                absl::MakeSpan(env_action_));
    lanes_[e].env->BeginStep(env_action_);
  }
}

// What a reset that fails is told to; null: it ends all.
std::function<void(const absl::Status&)> Evaluator::Failed() const {
  if (!options_.outlives_errors) return nullptr;
  return [](const absl::Status& why) { Log(LogLevel::kWarning, "evaluation: ", why.message()); };
}

absl::Status Evaluator::OnBreakDown(Lane* lane, StepResult* result) const {
  if (const absl::Status error = lane->env->error(); !error.ok()) {
    if (!options_.outlives_errors) return error;
    lane->failed = true;
    Log(LogLevel::kWarning, "evaluation: episode ", lane->episode.index,
        " does not count: ", error.message());
  }
  result->truncated = true;
  // One such number would be the mean of all, and the learner refuses it.
  if (!std::isfinite(result->reward)) result->reward = 0.0;
  return absl::OkStatus();
}

absl::Status Evaluator::StepLane(size_t e, uint32_t stream, std::vector<Episode>* played) {
  Lane& lane = lanes_[e];
  const absl::Span<const float> action(actions_.data() + e * policy_.action_dim,
                                       policy_.action_dim);
  ScaleAction(policy_, action, absl::MakeSpan(env_action_));
  StepResult result = lane.env->Step(env_action_, absl::MakeSpan(env_obs_));
  if (BrokeDown(result, env_obs_)) PMOE_RETURN_IF_ERROR(OnBreakDown(&lane, &result));
  ++lane.episode.primitive_steps[primitives_[e]];
  lane.episode.total_reward += result.reward;
  ++lane.episode.length;
  if (lane.episode.length >= options_.episode_steps_max) result.truncated = true;
  if (observer_) {
    observer_({.episode = lane.episode.index,
               .reset_seed = lane.episode.reset_seed,
               .step = lane.episode.length,
               .obs = absl::MakeConstSpan(obs_).subspan(e * policy_.obs_dim, policy_.obs_dim),
               .network = network_,
               .row = static_cast<int>(e),
               .primitive = primitives_[e],
               .action = env_action_,
               .result = result,
               .env = *lane.env});
  }
  See(e);
  if (!result.done()) return absl::OkStatus();
  lane.episode.info = lane.env->Info();
  if (!lane.failed) played->push_back(lane.episode);
  return Start(e, lane.episode.index + options_.parts * static_cast<int>(lanes_.size()), stream);
}

int EvaluatorPartsMax(const EvaluatorOptions& options) {
  return (options.episodes + options.lanes - 1) / options.lanes;
}

Evaluation Summarize(absl::Span<const Episode> episodes, uint64_t env_steps, double seconds) {
  Evaluation result;
  result.env_steps = env_steps;
  result.seconds = seconds;
  std::vector<double> lengths;
  double steps = 0.0;
  for (const Episode& episode : episodes) {
    result.returns.push_back(episode.total_reward);
    lengths.push_back(episode.length);
    steps += episode.length;
    result.primitive_usage.resize(episode.primitive_steps.size());
    for (size_t k = 0; k < episode.primitive_steps.size(); ++k)
      result.primitive_usage[k] += static_cast<double>(episode.primitive_steps[k]);
  }
  for (double& usage : result.primitive_usage) usage /= steps;
  InfoSums info;
  for (const Episode& episode : episodes) AddInfo(episode.info, &info);
  for (const auto& [name, of] : info) result.info[name] = of.sum / static_cast<double>(of.episodes);
  MeanAndStd(result.returns, &result.return_mean, &result.return_std);
  MeanAndStd(lengths, &result.length_mean, &result.length_std);
  return result;
}

void MeanAndStd(absl::Span<const double> values, double* mean, double* std) {
  double sum = 0.0, squares = 0.0;
  for (const double value : values) sum += value;
  *mean = values.empty() ? 0.0 : sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - *mean) * (value - *mean);
  *std = values.empty() ? 0.0 : std::sqrt(squares / static_cast<double>(values.size()));
}

}  // namespace pmoe
