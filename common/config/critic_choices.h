// The choices of LearnerConfig that are about critics, each with its names; what they mean is in
// proto/config.proto. Free of protobuf.
#pragma once

#include "common/config/choice.h"

namespace pmoe {

// Clipped double Q, or one critic.
enum class Critics { kTwin, kSingle };
constexpr auto Choices(Critics) {
  using enum Critics;
  return std::to_array<Choice<Critics>>({{"twin", kTwin}, {"single", kSingle}});
}

// Of the critics' hidden layers, before their ReLU.
enum class CriticNorm { kNone, kLayer };
constexpr auto Choices(CriticNorm) {
  using enum CriticNorm;
  return std::to_array<Choice<CriticNorm>>({{"none", kNone}, {"layer", kLayer}});
}

}  // namespace pmoe
