// The choices of LearnerConfig that the PPO family alone has, each with its names; what they mean
// is in proto/config.proto. Free of protobuf.
#pragma once

#include "common/config/choice.h"

namespace pmoe {

enum class AdvantageNorm { kNone, kRollout, kMinibatch };
constexpr auto Choices(AdvantageNorm) {
  using enum AdvantageNorm;
  return std::to_array<Choice<AdvantageNorm>>(
      {{"none", kNone}, {"rollout", kRollout}, {"minibatch", kMinibatch}});
}

enum class RewardNorm { kNone, kReturnStd, kDiscountedStd };
constexpr auto Choices(RewardNorm) {
  using enum RewardNorm;
  return std::to_array<Choice<RewardNorm>>(
      {{"none", kNone}, {"return_std", kReturnStd}, {"discounted_std", kDiscountedStd}});
}

// Of step sizes: linear goes to 0 at the run's end.
enum class Schedule { kConstant, kLinear };
constexpr auto Choices(Schedule) {
  using enum Schedule;
  return std::to_array<Choice<Schedule>>({{"constant", kConstant}, {"linear", kLinear}});
}

enum class ValueNet { kSeparate, kTrunk };
constexpr auto Choices(ValueNet) {
  using enum ValueNet;
  return std::to_array<Choice<ValueNet>>({{"separate", kSeparate}, {"trunk", kTrunk}});
}

enum class QnetInput { kObs, kTrunk };
constexpr auto Choices(QnetInput) {
  using enum QnetInput;
  return std::to_array<Choice<QnetInput>>({{"obs", kObs}, {"trunk", kTrunk}});
}

// Of the surrogate and L_freq, or one of them.
enum class RouterGrad { kBoth, kFrequency, kSurrogate };
constexpr auto Choices(RouterGrad) {
  using enum RouterGrad;
  return std::to_array<Choice<RouterGrad>>(
      {{"both", kBoth}, {"freq", kFrequency}, {"surrogate", kSurrogate}});
}

// Probability of a row's action in PPO's ratio. kGumbel comes with the algorithm and has no name.
enum class RatioOf {
  kDensity,    // log pi(a): the one Gaussian's, or the whole mixture's
  kJoint,      // log w_k + log N_k(a) of the component that acted
  kComponent,  // log N_k(a)
  kGumbel,     // log sum_k y_k N_k(a), y a posterior Gumbel-softmax draw
};
constexpr auto Choices(RatioOf) {
  using enum RatioOf;
  return std::to_array<Choice<RatioOf>>(
      {{"mixture", kDensity}, {"joint", kJoint}, {"component", kComponent}});
}

// What says which primitive is best: Q(s, a_k), Q_k(s), or the sign of the row's advantage.
enum class RankBy { kActionQ, kArmQ, kAdvantage };
constexpr auto Choices(RankBy) {
  using enum RankBy;
  return std::to_array<Choice<RankBy>>(
      {{"action_q", kActionQ}, {"arm_q", kArmQ}, {"advantage", kAdvantage}});
}

// What the router is pulled towards: one-hot at the best, or w_k exp(Q_k / tau).
enum class RouterTarget { kWinner, kSoftmax };
constexpr auto Choices(RouterTarget) {
  using enum RouterTarget;
  return std::to_array<Choice<RouterTarget>>({{"winner", kWinner}, {"softmax", kSoftmax}});
}

}  // namespace pmoe
