#include "control/client/rpc_run_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "control/wire/run_messages.h"
#include "control/wire/sense.h"

namespace pmoe {
namespace {

constexpr size_t kReportsMax = 600;  // while the learner is away; then the oldest go

}  // namespace

absl::StatusOr<Directive> RpcRunClient::NextDirective() {
  MutexLock lock(&mu_);
  while (!directive_.has_value() && !Over()) changed_.WaitBriefly(&mu_);
  if (!directive_.has_value()) return absl::CancelledError("this actor shall end");
  Directive directive = *std::move(directive_);
  directive_.reset();
  has_directive_ = false;
  return directive;
}

std::shared_ptr<const PolicySnapshot> RpcRunClient::LatestSnapshot() {
  MutexLock lock(&mu_);
  return latest_;
}

absl::Status RpcRunClient::Report(ActorReport report) {
  {
    MutexLock lock(&mu_);
    totals_.env_steps += report.env_steps;
    totals_.episodes += report.episodes.size();
    for (const EpisodeResult& episode : report.episodes) totals_.diverged += episode.diverged;
    if (!report.episodes.empty()) totals_.last_episode = report.episodes.back();
    totals_.deadline_misses += report.deadline_misses;
    totals_.rows_left_out += report.rows_left_out;
    reports_.push_back(std::move(report));
    if (reports_.size() > kReportsMax) reports_.pop_front();
  }
  report_now_();
  return absl::OkStatus();
}

ActorTotals RpcRunClient::totals() const {
  MutexLock lock(&mu_);
  ActorTotals totals = totals_;
  if (latest_ != nullptr) totals.weights_version = latest_->version;
  return totals;
}

std::optional<TableAssignment> RpcRunClient::table() const {
  MutexLock lock(&mu_);
  return table_;
}

void RpcRunClient::SetSeat(const Seat& seat) {
  MutexLock lock(&mu_);
  seat_ = seat;
}

void RpcRunClient::ClearSeatChange() { seat_changed_ = false; }

void RpcRunClient::OnRejoin(const JoinReply& reply) {
  MutexLock lock(&mu_);
  if (seat_.index() == reply.seat().index() && seat_.epoch() == reply.seat().epoch() &&
      seat_.run_id() == reply.seat().run_id() && seat_.signature() == reply.seat().signature())
    return;  // with another key's signature it is another seat: replay takes the old one no more
  seat_ = reply.seat();
  seat_changed_ = true;
  reports_.clear();
  changed_.NotifyAll();
}

void RpcRunClient::FillFirst(FollowerMessage* message) {
  *message->mutable_env() = sender_.spec();
  sender_.Stop();
}

void RpcRunClient::FillReport(FollowerMessage* message) {
  *message->mutable_rates() = rates_();
  if (sender_.Fill(message)) report_now_();
  MutexLock lock(&mu_);
  if (latest_ != nullptr) message->set_policy_version(latest_->version);
  for (const ActorReport& report : reports_) *message->add_reports() = ToMessage(report);
  reports_.clear();
}

absl::Status RpcRunClient::OnMessage(LearnerMessage message) {
  if (message.learner_epoch() < learner_epoch_) {
    return absl::FailedPreconditionError(absl::StrCat("learner epoch ", message.learner_epoch(),
                                                      " was replaced by ", learner_epoch_,
                                                      ", but still sends orders; stop it"));
  }
  learner_epoch_ = message.learner_epoch();
  if (message.send_env_files()) {
    sender_.Start();
    report_now_();
  }
  if (message.has_snapshot()) PMOE_RETURN_IF_ERROR(OnSnapshot(message.snapshot()));
  if (message.has_directive()) return OnDirective(message.directive());
  return absl::OkStatus();
}

void RpcRunClient::OnOver() {
  MutexLock lock(&mu_);
  no_more_ = true;
  changed_.NotifyAll();
}

absl::Status RpcRunClient::OnSnapshot(const SnapshotPiece& piece) {
  PMOE_ASSIGN_OR_RETURN(std::shared_ptr<const PolicySnapshot> snapshot, assembler_.Add(piece));
  if (snapshot == nullptr) return absl::OkStatus();
  MutexLock lock(&mu_);
  if (latest_ != nullptr && latest_->spec.Hash() != snapshot->spec.Hash()) {
    return absl::FailedPreconditionError(
        absl::StrCat("snapshot ", snapshot->version, " has another policy architecture than ",
                     latest_->version, "; restart this actor to follow the new run"));
  }
  // Weights never go backwards.
  if (latest_ != nullptr && snapshot->version <= latest_->version) return absl::OkStatus();
  latest_ = std::move(snapshot);
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status RpcRunClient::OnDirective(const DirectiveMessage& message) {
  if (const MaybeNonsense nonsense = CheckDirective(message)) return nonsense->ToStatus();
  PMOE_ASSIGN_OR_RETURN(Directive directive, FromMessage(message));
  MutexLock lock(&mu_);
  if (!message.restore().empty()) {
    // Only this actor's part came.
    std::vector<std::string> parts(seat_.index() + 1);
    parts[seat_.index()] = message.restore();
    directive.restore = std::make_shared<const std::vector<std::string>>(std::move(parts));
  }
  if (message.has_table()) table_ = message.table();
  if (directive.state == RunState::kFinished) finished_ = true;
  directive_ = std::move(directive);
  has_directive_ = true;
  changed_.NotifyAll();
  // The membership ends in order.
  return finished_ ? absl::CancelledError("the run is finished") : absl::OkStatus();
}

}  // namespace pmoe
