// The BatchSampler of a run in one process. Borrows the shard; used by the learner's thread only.
#pragma once

#include "absl/status/statusor.h"
#include "replay/client/batch_sampler.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class DirectBatchSampler : public BatchSampler {
 public:
  DirectBatchSampler(ReplayShard* shard, int batch_size);

  void Expect(int64_t) override {}  // nothing is drawn ahead
  absl::StatusOr<Minibatch*> Next(std::chrono::milliseconds timeout) override;

 private:
  ReplayShard* const shard_;
  Minibatch batch_;
};

}  // namespace pmoe
