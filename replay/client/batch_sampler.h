// Where a learner's minibatches come from. Used by the learner's thread only.
#pragma once

#include <chrono>
#include <cstdint>

#include "absl/status/statusor.h"
#include "replay/core/minibatch.h"

namespace pmoe {

class BatchSampler {
 public:
  virtual ~BatchSampler() = default;
  // How many minibatches Next will be asked for from now on: a remote sampler draws that many ahead
  // and not one more, so that lockstep never draws from rows of the wrong round.
  static constexpr int64_t kWithoutEnd = INT64_MAX;
  virtual void Expect(int64_t batches) = 0;
  // The next minibatch, owned by the sampler and valid until the call after. DeadlineExceededError
  // says what it waits for; the same minibatch may be asked for again.
  virtual absl::StatusOr<Minibatch*> Next(std::chrono::milliseconds timeout) = 0;
};

}  // namespace pmoe
