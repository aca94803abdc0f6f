#include "replay/client/direct_rollout_source.h"

#include "common/base/status_macros.h"

namespace pmoe {

absl::StatusOr<Rollout*> DirectRolloutSource::Take(const RolloutRequest& request,
                                                   std::chrono::milliseconds timeout) {
  PMOE_RETURN_IF_ERROR(shard_->TakeRollout(request, &rollout_, timeout));
  return &rollout_;
}

}  // namespace pmoe
