// Where an on-policy learner's rollouts come from. Used by the learner's thread only.
#pragma once

#include <chrono>

#include "absl/status/statusor.h"
#include "replay/core/rollout.h"

namespace pmoe {

class RolloutSource {
 public:
  virtual ~RolloutSource() = default;
  // The next rollout, owned by the source and valid until the call after. DeadlineExceededError
  // says what it waits for; the call may be repeated, with the same request or with another one.
  virtual absl::StatusOr<Rollout*> Take(const RolloutRequest& request,
                                        std::chrono::milliseconds timeout) = 0;
};

}  // namespace pmoe
