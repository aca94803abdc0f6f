#include "learner/ppo/fast_ppo_update.h"

#include <utility>

#include "learner/ppo/gae.h"
#include "learner/ppo/minibatches.h"
#include "learner/ppo/ppo_nets.h"

namespace pmoe {
namespace {

// Column `index` of [rows, columns].
template <typename T>
void CopyColumn(const float* from, int64_t columns, int index, std::vector<T>* to) {
  for (size_t i = 0; i < to->size(); ++i) {
    (*to)[i] = static_cast<T>(from[static_cast<int64_t>(i) * columns + index]);
  }
}

double Variance(const std::vector<float>& x, const std::vector<float>* less) {
  const double n = static_cast<double>(x.size());
  const auto at = [&](size_t i) { return double{x[i]} - (less == nullptr ? 0.0 : (*less)[i]); };
  double mean = 0.0, squares = 0.0;
  for (size_t i = 0; i < x.size(); ++i) mean += at(i) / n;
  for (size_t i = 0; i < x.size(); ++i) squares += (at(i) - mean) * (at(i) - mean) / n;
  return squares;
}

}  // namespace

bool FastPpoApplies(const PpoOptions& options, const PolicySpec& policy) {
  return options.step == UpdateStep::kFast && !options.sgd && options.device == "cpu" &&
         policy.head != HeadType::kOption;
}

FastPpoUpdate::FastPpoUpdate(const PpoOptions& options, const PolicySpec& policy)
    : options_(options),
      policy_(policy),
      state_(options, policy, at::kCPU),
      step_(options, policy, &state_),
      stat_names_(PpoStatNames(policy.primitives)),
      phases_(PpoPhaseNames()) {}

absl::Status FastPpoUpdate::LoadState(ByteReader* in) {
  const absl::Status status = state_.LoadState(in);
  step_.Pack();
  return status;
}

PpoRows<float> FastPpoUpdate::ReadRollout(const PreparedRollout& rollout) {
  const size_t rows = static_cast<size_t>(rollout.obs.size(1));
  for (auto* const to :
       {&old_log_prob_, &old_value_, &advantage_, &returns_, &reward_returns_, &values_}) {
    to->resize(rows);
  }
  bootstrap_.resize(static_cast<size_t>(rollout.bootstrap_obs.size(1)));
  PpoRows<float> all;
  all.obs = rollout.obs.data_ptr<float>();
  all.action = rollout.action.data_ptr<float>();
  const int64_t columns = rollout.extra.size(2);
  if (const int at = policy_.ColumnIndex(kColumnComponent); at >= 0) {
    component_.resize(rows);
    CopyColumn(rollout.extra.data_ptr<float>(), columns, at, &component_);
    all.component = component_.data();
  }
  if (options_.behavior_log_prob) {
    CopyColumn(rollout.extra.data_ptr<float>(), columns,
               policy_.ColumnIndex(LogProbColumn(options_.ratio)), &old_log_prob_);
  } else {
    step_.OldLogProbs(all, static_cast<long>(rows), old_log_prob_.data());
  }
  all.old_log_prob = old_log_prob_.data();
  all.old_value = old_value_.data();
  all.advantage = advantage_.data();
  all.returns = returns_.data();
  return all;
}

void FastPpoUpdate::SetTargets(const PreparedRollout& rollout) {
  const float unit = static_cast<float>(rollout.value_unit);
  const auto predict = [&](const at::Tensor& obs, std::vector<float>* to) {
    step_.Values(obs.data_ptr<float>(), static_cast<long>(to->size()), to->data());
  };
  predict(rollout.obs, &old_value_);
  predict(rollout.bootstrap_obs, &bootstrap_);
  for (size_t i = 0; i < values_.size(); ++i) values_[i] = old_value_[i] * unit;
  for (float& value : bootstrap_) value *= unit;
  Advantages targets =
      EstimateAdvantages({options_.gamma, options_.gae_lambda},
                         {rollout.raw->segments, rollout.reward, values_, bootstrap_});
  if (options_.advantage_norm == AdvantageNorm::kRollout) Standardize(&targets.advantage);
  std::copy(targets.advantage.begin(), targets.advantage.end(), advantage_.begin());
  for (size_t i = 0; i < returns_.size(); ++i) returns_[i] = targets.returns[i] / unit;
  reward_returns_ = std::move(targets.returns);
}

// 1 - Var(R - V) / Var(R): how much of the returns the values knew.
double FastPpoUpdate::ExplainedVariance() const {
  return 1.0 - Variance(returns_, &old_value_) / (Variance(returns_, nullptr) + 1e-12);
}

LearnedRollout FastPpoUpdate::Learn(const PreparedRollout& rollout, double progress,
                                    const RolloutRngs& rngs) {
  phases_.Start();
  const PpoRows<float> rows = ReadRollout(rollout);
  SetTargets(rollout);
  LearnedRollout learned;
  learned.returns = reward_returns_;
  const double explained = ExplainedVariance();
  phases_.End(kTargets);
  const int64_t count = rollout.obs.size(1), batches = count / options_.batch_size;
  std::vector<double> sums(stat_names_.size() - 2, 0.0);
  for (int epoch = 0; epoch < options_.epochs; ++epoch) {
    if (epoch > 0 && options_.recompute_advantage) SetTargets(rollout);
    phases_.End(kTargets);
    const std::vector<int64_t> order = Shuffled(count, rngs.shuffle);
    phases_.End(kRest);
    const PpoStepPlace place = {progress, epoch + 1 == options_.epochs, rngs.noise, &phases_};
    for (int64_t b = 0; b < batches; ++b) {
      step_.Step(rows, order.data() + b * options_.batch_size, place, sums.data(),
                 sums.data() + kPpoLosses);
    }
  }
  learned.updates = batches * options_.epochs;
  for (size_t i = 0; i < sums.size(); ++i) {
    learned.stats.push_back(sums[i] /
                            static_cast<double>(i < kPpoLosses ? learned.updates : batches));
  }
  learned.stats.push_back(explained);
  learned.stats.push_back(options_.learning_rate * LearningRateFactor(options_, progress));
  return learned;
}

}  // namespace pmoe
