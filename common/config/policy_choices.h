// The choices of PolicyConfig and of evaluation, each with its names; what they mean is in
// proto/config.proto. Free of protobuf.
#pragma once

#include "common/config/choice.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

enum class RouterInput { kTrunkDetached, kTrunk, kObs };
constexpr auto Choices(RouterInput) {
  using enum RouterInput;
  return std::to_array<Choice<RouterInput>>(
      {{"trunk_detached", kTrunkDetached}, {"trunk", kTrunk}, {"obs", kObs}});
}

// sum w s^2 or sum w^2 s^2.
enum class GatingVariance { kW, kW2 };
constexpr auto Choices(GatingVariance) {
  using enum GatingVariance;
  return std::to_array<Choice<GatingVariance>>({{"w", kW}, {"w2", kW2}});
}

enum class LogStd { kState, kParameter };
constexpr auto Choices(LogStd) {
  using enum LogStd;
  return std::to_array<Choice<LogStd>>({{"state", kState}, {"parameter", kParameter}});
}

enum class Heads { kSeparate, kTied };
constexpr auto Choices(Heads) {
  using enum Heads;
  return std::to_array<Choice<Heads>>({{"separate", kSeparate}, {"tied", kTied}});
}

enum class WeightInit { kFanIn, kOrthogonal };
constexpr auto Choices(WeightInit) {
  using enum WeightInit;
  return std::to_array<Choice<WeightInit>>({{"fan_in", kFanIn}, {"orthogonal", kOrthogonal}});
}

constexpr auto Choices(ActionMap) {
  using enum ActionMap;
  return std::to_array<Choice<ActionMap>>(
      {{"squash", kSquash}, {"clip", kClip}, {"rescale_clip", kRescaleClip}});
}

// observe.eval_action.
enum class EvalAction { kRouterMean, kArgmaxMean, kSample };
constexpr auto Choices(EvalAction) {
  using enum EvalAction;
  return std::to_array<Choice<EvalAction>>(
      {{"router_mean", kRouterMean}, {"argmax_mean", kArgmaxMean}, {"sample", kSample}});
}

// policy.activation and policy.mean_activation offer two of these each.
constexpr auto Choices(Activation) {
  using enum Activation;
  return std::to_array<Choice<Activation>>(
      {{"identity", kIdentity}, {"relu", kRelu}, {"tanh", kTanh}});
}

}  // namespace pmoe
