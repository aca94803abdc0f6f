#include "replay/service/rollout_call.h"

#include <chrono>
#include <memory>

#include "common/base/status_macros.h"
#include "replay/wire/rollout_codec.h"

namespace pmoe {

absl::Status ServeTakeRollout(ReplayShard* shard, const TakeRolloutRequest& request,
                              const std::function<absl::Status()>& ended,
                              const std::function<absl::Status()>& await_ack,
                              grpc::ServerWriter<TakeRolloutReply>* stream) {
  const RolloutTicket ticket = {request.learner().learner_epoch(), request.rollout_id()};
  absl::Status why;
  const WaitLimit limit(std::chrono::milliseconds(request.timeout_ms()), [&] {
    why = ended();
    return !why.ok();
  });
  const absl::StatusOr<std::shared_ptr<const Rollout>> rollout = shard->TakeRollout(
      ticket, {request.steps(), request.version_min(), request.version_max()}, limit);
  PMOE_RETURN_IF_ERROR(why);
  PMOE_RETURN_IF_ERROR(rollout.status());
  if (await_ack != nullptr) PMOE_RETURN_IF_ERROR(await_ack());
  RolloutEncoder encoder(request.rollout_id(), rollout->get());
  TakeRolloutReply piece;
  while (encoder.Next(&piece)) {
    PMOE_RETURN_IF_ERROR(ended());
    if (!stream->Write(piece)) return absl::CancelledError("the caller has gone");
  }
  return absl::OkStatus();
}

}  // namespace pmoe
