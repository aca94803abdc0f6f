// The actor's end of the control plane. Thread-safe implementations; one actor thread calls.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "control/core/control.h"

namespace pmoe {

class RunClient {
 public:
  virtual ~RunClient() = default;
  // Waits for the next directive. CancelledError: the run is over, or this process shall end. Never
  // waits without end.
  virtual absl::StatusOr<Directive> NextDirective() = 0;
  // Would NextDirective return at once? Cheap: asked between steps.
  virtual bool HasDirective() = 0;
  // The newest snapshot that the learner has published, null before the first. Versions never go
  // backwards.
  virtual std::shared_ptr<const PolicySnapshot> LatestSnapshot() = 0;
  virtual absl::Status Report(ActorReport report) = 0;
};

}  // namespace pmoe
