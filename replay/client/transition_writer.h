// Where an actor's rows go. One writer per actor, used by that actor's thread only.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "replay/core/chunk.h"

namespace pmoe {

class TransitionWriter {
 public:
  virtual ~TransitionWriter() = default;
  // Copies one step of environment `env`. Blocks while replay gives no room (back-pressure, with a
  // deadline).
  virtual absl::Status Write(uint32_t env, const Transition& transition) = 0;
  // Sends what is buffered and marks the actor's last row of `round`. Afterwards nothing is
  // buffered.
  virtual absl::Status EndRound(uint64_t round) = 0;
};

}  // namespace pmoe
