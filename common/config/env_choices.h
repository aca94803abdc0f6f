// The choice of env.on_error with its names; what they mean is in proto/config.proto. Free of
// protobuf.
#pragma once

#include "common/config/choice.h"

namespace pmoe {

// What follows when the environment's own reset or step fails.
enum class OnEnvError { kEndRun, kEndEpisode };
constexpr auto Choices(OnEnvError) {
  using enum OnEnvError;
  return std::to_array<Choice<OnEnvError>>({{"end_run", kEndRun}, {"end_episode", kEndEpisode}});
}

}  // namespace pmoe
