#include "replay/client/direct_sampler.h"

#include "common/base/status_macros.h"

namespace pmoe {

DirectBatchSampler::DirectBatchSampler(ReplayShard* shard, int batch_size)
    : shard_(shard), batch_(shard->spec(), batch_size) {}

absl::StatusOr<Minibatch*> DirectBatchSampler::Next(std::chrono::milliseconds timeout) {
  PMOE_RETURN_IF_ERROR(shard_->Sample(&batch_, timeout));
  return &batch_;
}

}  // namespace pmoe
