#include "learner/ppo/fast_ppo_step.h"

#include <algorithm>
#include <cmath>

#include "learner/kernels/ppo_rows.h"
#include "learner/ppo/ppo_nets.h"

namespace pmoe {
namespace {

NetOptions ValueNetOptions(bool on_trunk) {
  NetOptions options;
  if (on_trunk) options.differentiated = 0;
  return options;
}

void End(PhaseClock* phases, PpoPhase phase) {
  if (phases != nullptr) phases->End(phase);
}

}  // namespace

// A value on the trunk of a policy without one reads the observation.
template <typename T>
FastPpoStep<T>::FastPpoStep(const PpoOptions& options, const PolicySpec& policy, PpoState* state)
    : options_(options),
      batch_(options.batch_size),
      obs_dim_(policy.obs_dim),
      action_dim_(policy.action_dim),
      primitives_(policy.primitives),
      policy_(policy, {options.router_detached, options.value_net == ValueNet::kTrunk}, batch_,
              &state->nets().policy(), &state->nets().policy_optimizer()),
      value_on_trunk_(options.value_net == ValueNet::kTrunk && policy_.trunk() != nullptr),
      value_(NetPlan(state->nets().value_layers(),
                     {{state->nets().value_layers().front().inputs}, false}),
             ValueNetOptions(value_on_trunk_), batch_, &state->nets().value(),
             &state->nets().value_optimizer()) {
  value_node_ = value_.net().plan().Find(state->nets().value_layers().back().name).node;
  const size_t b = static_cast<size_t>(batch_), k = b * static_cast<size_t>(primitives_);
  obs_.resize(b * static_cast<size_t>(obs_dim_));
  action_.resize(b * static_cast<size_t>(action_dim_));
  component_.resize(b);
  for (auto* const to :
       {&old_log_prob_, &old_value_, &advantage_, &returns_, &log_prob_, &by_log_prob_}) {
    to->resize(b);
  }
  share_.resize(k);
  if (options.ratio == RatioOf::kGumbel) noise_.resize(k);
  if (!options.frequency_loss) return;
  ranking_.emplace(options, policy, &policy_,
                   RankedRows<T>{obs_.data(), action_.data(), component_.data(), advantage_.data(),
                                 returns_.data()},
                   state);
}

template <typename T>
void FastPpoStep<T>::Pack() {
  policy_.net().Pack();
  value_.Pack();
  if (ranking_) ranking_->Pack();
}

template <typename T>
NetInput<T> FastPpoStep<T>::ValueInput(const T* obs) {
  if (value_on_trunk_) return {{{policy_.trunk(), policy_.trunk_width()}, {}}};
  return {{{obs, obs_dim_}, {}}};
}

template <typename T>
void FastPpoStep<T>::ForwardValue(const T* obs, long rows) {
  value_.Forward(ValueInput(obs), rows);
}

template <typename T>
void FastPpoStep<T>::Values(const T* obs, long rows, T* value) {
  for (long begin = 0; begin < rows; begin += batch_) {
    const long count = std::min(batch_, rows - begin);
    const T* const from = obs + begin * obs_dim_;
    if (value_on_trunk_) policy_.Forward(from, count);
    ForwardValue(from, count);
    for (long i = 0; i < count; ++i) value[begin + i] = value_.activations().At(value_node_, i)[0];
  }
}

template <typename T>
void FastPpoStep<T>::OldLogProbs(const PpoRows<T>& rows, long count, T* log_prob) {
  // With hard Gumbel weights the value is that of the component that acted, whatever is drawn.
  for (long begin = 0; begin < count; begin += batch_) {
    const long part = std::min(batch_, count - begin);
    policy_.Forward(rows.obs + begin * obs_dim_, part);
    policy_.Densities(rows.action + begin * action_dim_);
    LogProbs(options_.ratio, rows.component == nullptr ? nullptr : rows.component + begin, part,
             log_prob + begin);
  }
}

template <typename T>
void FastPpoStep<T>::LogProbs(RatioOf ratio, const int* component, long rows, T* log_prob) {
  const T* const log_n = policy_.log_n();
  if (!policy_.chooses()) {
    std::copy_n(log_n, rows, log_prob);
    return;
  }
  if (ratio == RatioOf::kDensity) {
    return MixtureLogDensity(rows, primitives_, policy_.log_w(), log_n, log_prob, share_.data());
  }
  for (long b = 0; b < rows; ++b) {
    const long at = b * primitives_ + component[b];
    log_prob[b] = ratio == RatioOf::kJoint ? policy_.log_w()[at] + log_n[at] : log_n[at];
  }
}

template <typename T>
void FastPpoStep<T>::Gather(const PpoRows<T>& rows, const int64_t* order) {
  for (long b = 0; b < batch_; ++b) {
    const int64_t row = order[b];
    const size_t at = static_cast<size_t>(b);
    std::copy_n(rows.obs + row * obs_dim_, obs_dim_, obs_.data() + b * obs_dim_);
    std::copy_n(rows.action + row * action_dim_, action_dim_, action_.data() + b * action_dim_);
    if (rows.component != nullptr) component_[at] = rows.component[row];
    old_log_prob_[at] = rows.old_log_prob[row];
    old_value_[at] = rows.old_value[row];
    advantage_[at] = rows.advantage[row];
    returns_[at] = rows.returns[row];
  }
}

// d log_prob / d log N_k and d logits, times by_log_prob_.
template <typename T>
void FastPpoStep<T>::SurrogateGradient() {
  policy_.ClearGradients();
  T* const by_log_n = policy_.by_log_n();
  if (!policy_.chooses()) {
    std::copy_n(by_log_prob_.data(), batch_, by_log_n);
    return;
  }
  const bool to_router = !options_.frequency_loss || options_.router_grad != RouterGrad::kFrequency;
  const bool density = options_.ratio == RatioOf::kDensity;
  const bool reaches = to_router && (density || options_.ratio == RatioOf::kJoint);
  T* const by_logits = policy_.by_logits();
  for (long b = 0; b < batch_; ++b) {
    const T by = by_log_prob_[static_cast<size_t>(b)];
    for (long k = 0; k < primitives_; ++k) {
      const long at = b * primitives_ + k;
      const bool acted = !density && k == component_[static_cast<size_t>(b)];
      const T share = density ? share_[static_cast<size_t>(at)] : acted ? T{1} : T{0};
      by_log_n[at] = by * share;
      if (reaches) by_logits[at] = by * (share - policy_.w()[at]);
    }
  }
  if (options_.ratio == RatioOf::kGumbel && to_router) {
    GumbelGradientRows(batch_, primitives_, gumbel_tau_, policy_.log_n(), policy_.log_w(),
                       policy_.w(), component_.data(), noise_.data(), by_log_prob_.data(),
                       share_.data(), by_logits);
  }
}

// What the router's own losses add to the policy's gradients.
template <typename T>
void FastPpoStep<T>::RouterGradient(const PpoStepPlace& place, double* losses) {
  if (ranking_) losses[2] += ranking_->RouterLoss(place.noise);
  if (options_.router_entropy_min > 0.0 && policy_.chooses()) {
    EntropyFloorRows(
        batch_, primitives_, RouterEntropyFloor(options_, static_cast<int>(primitives_)),
        options_.router_entropy_coef, policy_.log_w(), policy_.w(), policy_.by_logits());
  }
}

// Gradients of policy and value, clipped together, and a step of both. Their norm before.
template <typename T>
double FastPpoStep<T>::BackwardAndStep(double lr_factor, PhaseClock* phases) {
  value_.Backward(ValueInput(obs_.data()), batch_,
                  {value_on_trunk_ ? policy_.trunk_gradient() : nullptr});
  policy_.Backward(obs_.data(), -options_.entropy_coef);
  End(phases, kGradient);
  const double norm = std::sqrt(policy_.net().SquaredNorm() + value_.SquaredNorm());
  const StepScale scale = {lr_factor, GradientScale(options_, norm)};
  policy_.net().Step(scale);
  value_.Step(scale);
  End(phases, kStep);
  return norm;
}

template <typename T>
void FastPpoStep<T>::Step(const PpoRows<T>& rows, const int64_t* order, const PpoStepPlace& place,
                          double* losses, double* mixture) {
  Gather(rows, order);
  policy_.Forward(obs_.data(), batch_);
  policy_.Densities(action_.data());
  LogProbs(options_.ratio, component_.data(), batch_, log_prob_.data());
  if (options_.ratio == RatioOf::kGumbel && policy_.chooses()) {
    gumbel_tau_ = GumbelTau(options_, place.progress);
    for (long i = 0; i < batch_ * primitives_; ++i) {
      noise_[static_cast<size_t>(i)] = place.noise->UniformFloat();
    }
  }
  if (options_.advantage_norm == AdvantageNorm::kMinibatch) {
    StandardizeRows(batch_, advantage_.data());
  }
  const SurrogateSums surrogate =
      SurrogateRows(batch_, options_.clip, log_prob_.data(), old_log_prob_.data(),
                    advantage_.data(), by_log_prob_.data());
  SurrogateGradient();
  ForwardValue(obs_.data(), batch_);
  losses[1] += ValueRows(batch_, options_.value_clip ? options_.clip : 0.0, options_.value_coef,
                         value_.activations().At(value_node_, 0), 1, old_value_.data(),
                         returns_.data(), value_.gradients().At(value_node_, 0));
  double entropy = 0.0;
  if (options_.entropy_coef > 0.0 || place.last_epoch) {
    entropy =
        EntropyRows(batch_, policy_.chooses() ? primitives_ : 1, -options_.entropy_coef,
                    policy_.log_w(), policy_.w(), policy_.GaussianEntropies(), policy_.by_logits());
  }
  End(place.phases, kLoss);
  RouterGradient(place, losses);
  End(place.phases, kRouterLoss);
  if (place.last_epoch) {
    mixture[0] += entropy;
    policy_.AddStats(ranking_ ? ranking_->best() : nullptr, mixture + 1);
  }
  End(place.phases, kRest);
  const double lr_factor = LearningRateFactor(options_, place.progress);
  losses[0] += surrogate.loss;
  losses[4] += surrogate.kl;
  losses[5] += surrogate.clip_share;
  losses[6] += BackwardAndStep(lr_factor, place.phases);
  if (ranking_) losses[3] += ranking_->StepQnet(lr_factor);
  End(place.phases, kQnet);
}

template class FastPpoStep<float>;
template class FastPpoStep<double>;

}  // namespace pmoe
