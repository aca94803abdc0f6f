// The RolloutSource of a run in one process. Borrows the shard; used by the learner's thread only.
#pragma once

#include "replay/client/rollout_source.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class DirectRolloutSource : public RolloutSource {
 public:
  explicit DirectRolloutSource(ReplayShard* shard) : shard_(shard) {}

  absl::StatusOr<Rollout*> Take(const RolloutRequest& request,
                                std::chrono::milliseconds timeout) override;

 private:
  ReplayShard* const shard_;
  Rollout rollout_;
};

}  // namespace pmoe
