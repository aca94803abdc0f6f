#include "control/service/follower_session.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/metrics/rejections.h"
#include "common/rpc/peer_host.h"
#include "control/wire/claim.h"
#include "control/wire/run_messages.h"

namespace pmoe {
namespace {

constexpr size_t kPieceBytes = 2 << 20;
constexpr std::chrono::milliseconds kSessionTick(100);

}  // namespace

absl::Status FollowerSession::Run(const FollowerMessage& first) {
  PMOE_RETURN_IF_ERROR(CheckClaim(*context_->auth_context(), first.role(), first.seat().index()));
  absl::StatusOr<FollowerCursor> opened = hub_->Open(first);
  if (!opened.ok()) Refused(first, opened.status());
  PMOE_ASSIGN_OR_RETURN(cursor_, std::move(opened));
  absl::Status status = TakeReport(first);
  std::thread reader([this] { ReadReports(); });
  while (status.ok() && !over_ && !context_->IsCancelled()) status = WriteNews();
  // A follower that half-closed waits for our end; any other read is cut short.
  if (!over_) context_->TryCancel();
  reader.join();
  hub_->Close(cursor_, leaving_);
  return put_out_.ok() ? status : put_out_;
}

void FollowerSession::Refused(const FollowerMessage& first, const absl::Status& why) const {
  const bool known = hub_->IsSigned(first.role(), first.seat());
  // A seat that was given away meanwhile is nobody's fault.
  if (known && absl::IsAborted(why)) return;
  const absl::string_view reason = !known                    ? "seat"
                                   : absl::IsOutOfRange(why) ? "version"
                                                             : "environment";
  Rejections::OfProcess().Add("follow", reason,
                              absl::StrCat(RoleName(first.role()), " ", first.seat().index(),
                                           " from ", PeerHost(context_->peer())),
                              why.message());
}

void FollowerSession::ReadReports() {
  for (FollowerMessage message; stream_->Read(&message);) {
    if (message.leaving()) leaving_ = true;
    put_out_ = TakeReport(message);
    if (!put_out_.ok()) break;
  }
  over_ = true;
}

absl::Status FollowerSession::TakeReport(const FollowerMessage& message) {
  PMOE_ASSIGN_OR_RETURN(const bool taken, hub_->OnReport(cursor_, message));
  if (cursor_.role != RUN_ROLE_EVALUATOR || !message.has_evaluation()) return absl::OkStatus();
  if (taken) {
    PolicySnapshot played;
    played.version = message.evaluation().version();
    played.env_steps = message.evaluation().env_steps();
    backlog_->Finish(played, FromMessage(message.evaluation()));
  } else if (message.evaluation().version() != played_) {  // of that one it comes too late
    evaluation_refused_ = true;
  }
  return absl::OkStatus();
}

absl::Status FollowerSession::WriteNews() {
  const bool evaluates = cursor_.role == RUN_ROLE_EVALUATOR;
  PMOE_ASSIGN_OR_RETURN(const FollowerNews news,
                        hub_->WaitNews(&cursor_, evaluates ? kSessionTick / 10 : kSessionTick));
  bool open = true;
  if (news.send_env_files) open = WriteFilesRequest();
  if (open && news.snapshot != nullptr)
    open = WriteSnapshot(news.snapshot->version, news.snapshot->bytes);
  if (open && news.directive.has_value()) open = WriteDirective(*news.directive);
  if (!open) over_ = true;
  if (open && evaluates) return WriteEvaluation();
  return absl::OkStatus();
}

bool FollowerSession::WriteFilesRequest() {
  LearnerMessage message;
  message.set_learner_epoch(hub_->learner_epoch());
  message.set_send_env_files(true);
  return stream_->Write(message);
}

bool FollowerSession::WriteDirective(DirectiveMessage directive) {
  LearnerMessage message;
  message.set_learner_epoch(hub_->learner_epoch());
  *message.mutable_directive() = std::move(directive);
  return stream_->Write(message);
}

bool FollowerSession::WriteSnapshot(uint64_t version, const std::string& bytes) {
  LearnerMessage message;
  message.set_learner_epoch(hub_->learner_epoch());
  for (size_t offset = 0; offset < bytes.size(); offset += kPieceBytes) {
    SnapshotPiece* piece = message.mutable_snapshot();
    piece->set_version(version);
    piece->set_total_bytes(bytes.size());
    piece->set_offset(offset);
    piece->set_data(bytes.data() + offset, std::min(kPieceBytes, bytes.size() - offset));
    if (!stream_->Write(message)) return false;
  }
  return true;
}

// The snapshot whose turn it is, once. One whose result made no sense has had its turn: played
// again it would have the same, and the run would wait for it.
absl::Status FollowerSession::WriteEvaluation() {
  if (evaluation_refused_.exchange(false) && playing_ != nullptr) {
    backlog_->Finish(*playing_, std::nullopt);
  }
  std::shared_ptr<const PolicySnapshot> next = backlog_->Next(kSessionTick);
  if (next == nullptr || next == playing_) return absl::OkStatus();
  if (playing_ != nullptr) played_ = playing_->version;
  playing_ = std::move(next);
  hub_->HandOut(playing_->version);
  LearnerMessage message;
  message.set_learner_epoch(hub_->learner_epoch());
  message.mutable_evaluate()->set_version(playing_->version);
  message.mutable_evaluate()->set_env_steps(playing_->env_steps);
  if (!WriteSnapshot(playing_->version, playing_->Encode()) || !stream_->Write(message)) {
    over_ = true;
  }
  return absl::OkStatus();
}

}  // namespace pmoe
