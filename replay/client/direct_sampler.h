// The BatchSampler of a run in one process. Borrows the shard; used by the learner's thread only.
#pragma once

#include "absl/status/statusor.h"
#include "replay/client/batch_sampler.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class DirectBatchSampler : public BatchSampler {
 public:
  DirectBatchSampler(ReplayShard* shard, int batch_size);

  absl::StatusOr<Minibatch*> Next() override;

 private:
  ReplayShard* const shard_;
  Minibatch batch_;
};

}  // namespace pmoe
