// Where a learner's minibatches come from. Used by the learner's thread only.
#pragma once

#include "absl/status/statusor.h"
#include "replay/core/minibatch.h"

namespace pmoe {

class BatchSampler {
 public:
  virtual ~BatchSampler() = default;
  // The next minibatch, owned by the sampler and valid until the call after. Waits with a deadline.
  virtual absl::StatusOr<Minibatch*> Next() = 0;
};

}  // namespace pmoe
