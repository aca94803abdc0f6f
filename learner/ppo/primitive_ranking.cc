#include "learner/ppo/primitive_ranking.h"

#include <algorithm>
#include <cmath>

#include "learner/kernels/ppo_rows.h"
#include "learner/ppo/ppo_nets.h"

namespace pmoe {

template <typename T>
PrimitiveRanking<T>::PrimitiveRanking(const PpoOptions& options, const PolicySpec& spec,
                                      FastPolicy<T>* policy, const RankedRows<T>& rows,
                                      PpoState* state)
    : options_(options),
      batch_(options.batch_size),
      primitives_(spec.primitives),
      actions_(spec.action_dim),
      policy_(policy),
      rows_(rows) {
  const size_t b = static_cast<size_t>(batch_), k = b * static_cast<size_t>(primitives_);
  target_.resize(k);
  if (options.rank_by == RankBy::kAdvantage) {
    row_weight_.resize(b);
    return;
  }
  score_.resize(k);
  best_.resize(b);
  MakeQnet(spec, state);
}

template <typename T>
void PrimitiveRanking<T>::MakeQnet(const PolicySpec& spec, PpoState* state) {
  const bool acts = options_.rank_by == RankBy::kActionQ;
  const bool on_trunk = options_.qnet_reads_trunk && policy_->trunk() != nullptr;
  const long width = on_trunk ? policy_->trunk_width() : long{spec.obs_dim};
  qnet_input_.parts[0] = {on_trunk ? policy_->trunk() : rows_.obs, width};
  std::vector<long> widths = {width};
  const std::vector<DenseLayer>& layers = state->qnet_layers();
  if (acts) {
    widths.push_back(actions_);
    qnet_input_.parts[1] = {rows_.action, actions_};
    noise_.resize(score_.size() * static_cast<size_t>(actions_));
    drawn_.resize(noise_.size());
    first_part_.resize(best_.size() * static_cast<size_t>(layers.front().outputs));
  }
  qnet_.emplace(NetPlan(layers, {{widths.begin(), widths.end()}, false}), NetOptions{}, batch_,
                &state->qnet(), &state->qnet_optimizer());
  qnet_node_ = qnet_->net().plan().Find(layers.back().name).node;
}

template <typename T>
void PrimitiveRanking<T>::Pack() {
  if (qnet_) qnet_->Pack();
}

// Q(s, a_k) of a_k ~ N_k (Eq. 12 with this Q in the place of the critic). The first layer's part
// for the state is computed once, for all K and for StepQnet.
template <typename T>
void PrimitiveRanking<T>::ScoreActions(Rng* noise) {
  noise->FillNormal(noise_.data(), noise_.size());
  qnet_->net().FirstPart(/*group=*/0, qnet_input_, batch_, first_part_.data());
  if (primitives_ == 1) return;  // and is the best
  const long width = primitives_ * actions_;
  DrawActions<T>({batch_, primitives_, actions_}, policy_->mean(), policy_->std(), noise_.data(),
                 drawn_.data());
  for (long k = 0; k < primitives_; ++k) {
    NetInput<T> input = qnet_input_;
    input.parts[1] = {drawn_.data() + k * actions_, width};
    input.first_part = first_part_.data();
    qnet_->Forward(input, batch_);
    for (long b = 0; b < batch_; ++b) {
      score_[static_cast<size_t>(b * primitives_ + k)] = qnet_->activations().At(qnet_node_, b)[0];
    }
  }
}

// Q_k(s), which the state alone decides.
template <typename T>
void PrimitiveRanking<T>::ScoreArms() {
  qnet_->Forward(qnet_input_, batch_);
  for (long b = 0; b < batch_; ++b) {
    std::copy_n(qnet_->activations().At(qnet_node_, b), primitives_,
                score_.data() + b * primitives_);
  }
}

template <typename T>
void PrimitiveRanking<T>::FindBest() {
  for (long b = 0; b < batch_; ++b) {
    const T* const score = score_.data() + b * primitives_;
    best_[static_cast<size_t>(b)] =
        static_cast<int>(std::max_element(score, score + primitives_) - score);
  }
}

template <typename T>
void PrimitiveRanking<T>::SetTarget() {
  if (options_.router_target == RouterTarget::kSoftmax) {
    return TiltedWeights(batch_, primitives_, options_.router_target_tau, policy_->log_w(),
                         score_.data(), target_.data());
  }
  std::fill(target_.begin(), target_.end(), T{0});
  for (long b = 0; b < batch_; ++b) {
    const size_t at = static_cast<size_t>(b);
    const int chosen = best_.empty() ? rows_.component[at] : best_[at];
    target_[static_cast<size_t>(b * primitives_ + chosen)] = T{1};
    if (!row_weight_.empty()) row_weight_[at] = rows_.advantage[at] > 0 ? T{1} : T{0};
  }
}

template <typename T>
double PrimitiveRanking<T>::RouterLoss(Rng* noise) {
  if (options_.rank_by == RankBy::kActionQ) ScoreActions(noise);
  if (options_.rank_by == RankBy::kArmQ) ScoreArms();
  if (!best_.empty()) FindBest();
  SetTarget();
  return FrequencyRows(batch_, primitives_,
                       {options_.freq_coef, options_.freq_cross_entropy, options_.freq_mean},
                       policy_->log_w(), policy_->w(), target_.data(),
                       row_weight_.empty() ? nullptr : row_weight_.data(), policy_->by_logits());
}

// Q(s, a), or Q_k(s) of the primitive that acted, on the returns; its gradient does not reach the
// policy.
template <typename T>
double PrimitiveRanking<T>::StepQnet(double lr_factor) {
  if (!qnet_) return 0.0;
  double loss = 0.0;
  T* const to = qnet_->gradients().At(qnet_node_, 0);
  if (options_.rank_by == RankBy::kActionQ) {
    NetInput<T> input = qnet_input_;
    input.first_part = first_part_.data();
    qnet_->Forward(input, batch_);
    loss = SquaredErrorRows(batch_, qnet_->activations().At(qnet_node_, 0), 1, rows_.returns, to);
  } else {
    loss = ArmErrorRows(batch_, primitives_, rows_.component,
                        qnet_->activations().At(qnet_node_, 0), rows_.returns, to);
  }
  qnet_->Backward(qnet_input_, batch_);
  qnet_->Step({lr_factor, GradientScale(options_, std::sqrt(qnet_->SquaredNorm()))});
  return loss;
}

template class PrimitiveRanking<float>;
template class PrimitiveRanking<double>;

}  // namespace pmoe
