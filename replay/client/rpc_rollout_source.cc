#include "replay/client/rpc_rollout_source.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "replay/wire/rollout_codec.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
constexpr uint32_t kRolloutBackoffStream = 2'000'000;  // far from the indices of actors and shards
constexpr milliseconds kTransferFirst{2000};           // doubled while it is too short
constexpr milliseconds kTransferMax{600'000};
constexpr int kDamagedMax = 3;  // of one rollout: then it is no accident

milliseconds Left(Clock::Time deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::Real()->Now());
  return std::max(left, milliseconds(0));
}

}  // namespace

RpcRolloutSource::RpcRolloutSource(const RpcReplayOptions& options)
    : spec_(SpecOf(options.table.columns())),
      learner_(options.learner),
      table_(options.table.table()),
      security_(options.security),
      backoff_(Rng(options.table.seed(), RngRole::kBackoff, kRolloutBackoffStream)),
      transfer_(kTransferFirst) {}

void RpcRolloutSource::SetAddress(const RpcAddress& address) {
  const std::string name = absl::StrCat("replay 0 at ", address.Text());
  backoff_.Reset();
  if (name == name_) return;
  name_ = name;
  stub_ = ReplayService::NewStub(MakeChannel(address, PeerRole::kReplay, security_));
}

absl::Status RpcRolloutSource::Ask(const RolloutRequest& request, milliseconds timeout) {
  if (stub_ == nullptr) return absl::UnavailableError("it has not joined yet");
  TakeRolloutRequest message;
  *message.mutable_learner() = learner_;
  message.set_table(table_);
  message.set_version_min(request.version_min);
  message.set_version_max(request.version_max);
  message.set_steps(request.steps);
  message.set_rollout_id(id_);
  message.set_newest_version(newest_version_);
  message.set_timeout_ms(static_cast<uint32_t>(timeout.count()));
  grpc::ClientContext context;
  SetDeadline(&context, timeout + transfer_);
  const auto stream = stub_->TakeRollout(&context, message);
  RolloutAssembler assembler(spec_, id_, rows_max_, &rollout_);
  TakeRolloutReply piece;
  absl::Status damaged;
  while (damaged.ok() && stream->Read(&piece)) damaged = assembler.Add(piece);
  if (!damaged.ok()) context.TryCancel();
  const absl::Status ended = FromGrpc(stream->Finish());
  PMOE_RETURN_IF_ERROR(damaged);
  if (absl::IsDeadlineExceeded(ended) && assembler.any()) {
    transfer_ = std::min(2 * transfer_, kTransferMax);
  }
  PMOE_RETURN_IF_ERROR(ended);
  return assembler.Finish();
}

bool RpcRolloutSource::MayAskAgain(const absl::Status& status) {
  if (absl::IsDataLoss(status)) return ++damaged_ < kDamagedMax;
  return IsTransient(status) || absl::IsUnknown(status);
}

absl::StatusOr<Rollout*> RpcRolloutSource::Take(const RolloutRequest& request,
                                                milliseconds timeout) {
  const Clock::Time deadline = Clock::Real()->Now() + timeout;
  rows_max_ = std::max(rows_max_, request.steps);
  while (true) {
    const absl::Status status = Ask(request, Left(deadline));
    if (status.ok()) break;
    const std::string why = absl::StrCat(name_, ": ", status.message());
    if (!MayAskAgain(status)) return absl::Status(status.code(), why);
    if (absl::IsDeadlineExceeded(status)) return absl::DeadlineExceededError(why);
    Clock::Real()->Sleep(std::min(backoff_.Next(), Left(deadline)));
    if (Left(deadline).count() == 0) {
      return absl::DeadlineExceededError(
          absl::StrCat("no rollout after ", timeout.count(), " ms: waiting for ", why));
    }
  }
  backoff_.Reset();
  ++id_;
  rows_max_ = 0;
  damaged_ = 0;
  return &rollout_;
}

}  // namespace pmoe
