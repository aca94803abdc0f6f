// Where an actor's rows go. One writer per actor, used by one thread only, which Cancel may stop.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "replay/core/chunk.h"

namespace pmoe {

// Told when a wait for room begins (true) and when it is over (false), by the thread that waits.
// May be empty.
using OnWait = std::function<void(bool waits)>;

class TransitionWriter {
 public:
  virtual ~TransitionWriter() = default;
  // Copies one step of environment `env`. Blocks while replay gives no room (back-pressure, with a
  // deadline). CancelledError: the process shall end.
  virtual absl::Status Write(uint32_t env, const Transition& transition) = 0;
  // Lockstep: sends what is buffered and marks the actor's last row of `round`. Afterwards nothing
  // is buffered. Rounds come in order.
  virtual absl::Status EndRound(uint64_t round) = 0;
  // Async: sends what is buffered.
  virtual absl::Status Flush() = 0;
  // From any thread: Write and Flush, now and later, are CancelledError.
  virtual void Cancel() = 0;

  // The counters and each env's last observation: the writer's part of a checkpoint. Only at a
  // round's end, when nothing is buffered.
  virtual void SaveState(ByteWriter* out) const = 0;
  virtual absl::Status LoadState(ByteReader* in) = 0;
  // After LoadState: the episode that `env` was in the middle of does not go on. False: it was in
  // none.
  virtual bool AbandonEpisode(uint32_t env) = 0;
};

}  // namespace pmoe
