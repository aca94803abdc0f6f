// The choices of LearnerConfig (PPO's own are in ppo_choices.h), of schedule.mode and of
// replay.selector, each with its names; what they mean is in proto/config.proto. Free of protobuf.
#pragma once

#include "common/config/choice.h"

namespace pmoe {

// schedule.mode: how steps and updates take turns.
enum class ScheduleMode { kLockstep, kAsync };
constexpr auto Choices(ScheduleMode) {
  using enum ScheduleMode;
  return std::to_array<Choice<ScheduleMode>>({{"lockstep", kLockstep}, {"async", kAsync}});
}

// replay.selector: which rows a minibatch gets.
enum class RowChoice { kUniform, kPrioritized, kLifo, kFifo };
constexpr auto Choices(RowChoice) {
  using enum RowChoice;
  return std::to_array<Choice<RowChoice>>(
      {{"uniform", kUniform}, {"prioritized", kPrioritized}, {"lifo", kLifo}, {"fifo", kFifo}});
}

// Of the critic target: one router draw, or sum_k w_k.
enum class TargetOver { kSample, kExpected };
constexpr auto Choices(TargetOver) {
  using enum TargetOver;
  return std::to_array<Choice<TargetOver>>({{"sample", kSample}, {"expected", kExpected}});
}

// Eq. 14, Eq. 13.
enum class PrimitiveBackprop { kMax, kAll };
constexpr auto Choices(PrimitiveBackprop) {
  using enum PrimitiveBackprop;
  return std::to_array<Choice<PrimitiveBackprop>>({{"max", kMax}, {"all", kAll}});
}

// Rank by Q or by Q - alpha log pi.
enum class BestBy { kQ, kSoftQ };
constexpr auto Choices(BestBy) {
  using enum BestBy;
  return std::to_array<Choice<BestBy>>({{"q", kQ}, {"soft_q", kSoftQ}});
}

// Whose log-probability.
enum class EntropyOf { kComponent, kMixture };
constexpr auto Choices(EntropyOf) {
  using enum EntropyOf;
  return std::to_array<Choice<EntropyOf>>({{"component", kComponent}, {"mixture", kMixture}});
}

// Eq. 11; same optimum; off.
enum class RouterLoss { kBrier, kCrossEntropy, kNone };
constexpr auto Choices(RouterLoss) {
  using enum RouterLoss;
  return std::to_array<Choice<RouterLoss>>(
      {{"brier", kBrier}, {"cross_entropy", kCrossEntropy}, {"none", kNone}});
}

// Over primitives.
enum class Reduction { kSum, kMean };
constexpr auto Choices(Reduction) {
  using enum Reduction;
  return std::to_array<Choice<Reduction>>({{"sum", kSum}, {"mean", kMean}});
}

// Of the score function: 0, or sum_k w_k c_k.
enum class Baseline { kNone, kExpected };
constexpr auto Choices(Baseline) {
  using enum Baseline;
  return std::to_array<Choice<Baseline>>({{"none", kNone}, {"expected", kExpected}});
}

// How an update is computed.
enum class UpdateStep { kFast, kAutograd };
constexpr auto Choices(UpdateStep) {
  using enum UpdateStep;
  return std::to_array<Choice<UpdateStep>>({{"fast", kFast}, {"autograd", kAutograd}});
}

// Sgd: momentum 0.9.
enum class OptimizerKind { kAdam, kSgd };
constexpr auto Choices(OptimizerKind) {
  using enum OptimizerKind;
  return std::to_array<Choice<OptimizerKind>>({{"adam", kAdam}, {"sgd", kSgd}});
}

}  // namespace pmoe
