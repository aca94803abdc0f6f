// Rollouts of a ReplayShard: who waits for one, and who gets it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/nonsense.h"
#include "replay/core/replay_shard.h"

namespace pmoe {
namespace {

absl::Status IsOver(const RolloutTicket& ticket, const RolloutTicket& newer) {
  return absl::FailedPreconditionError(absl::StrCat(
      "rollout ", ticket.id, " of learner epoch ", ticket.learner_epoch, " is over: rollout ",
      newer.id, " of learner epoch ", newer.learner_epoch, " was asked for"));
}

}  // namespace

void ReplayShard::DropOlder(uint32_t version_min) {
  if (version_min != dropped_below_) WriteDown(EncodeRecord(RowsAged{version_min}));
  dropped_below_ = version_min;
  state_.table.DropOlder(version_min);
}

// Rows too old make room first: whoever waits with newer ones may hold what is missing.
absl::Status ReplayShard::AwaitRollout(const RolloutRequest& request, const WaitLimit& limit,
                                       absl::FunctionRef<bool()> answered) {
  PMOE_RETURN_IF_ERROR(state_.damage);
  const SelectRequest rows = ReplayTable::InOrder(request);
  PMOE_RETURN_IF_ERROR(state_.table.selector().Check(rows));
  if (published_.told() && request.version_min > published_.newest()) {
    return Nonsense(kUnknownVersion, absl::StrCat("version_min ", request.version_min,
                                                  " would drop every row; the newest version is ",
                                                  published_.newest()));
  }
  awaited_ = rows;
  const auto blocked = [&](bool) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return !answered() && BlocksSample(rows, rows.rows);
  };
  const auto why = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ExplainLocked(); };
  // Once as a rule: while it waits, other rows may be loaded or another call say what is old.
  do {
    DropOlder(request.version_min);
    WakeBlocked();
    if (blocked(true)) {
      PMOE_RETURN_IF_ERROR(
          gate_.Await(&mu_, {Gate::kSamples, rows.rows, "no rollout", blocked, why}, limit));
    }
    DropOlder(request.version_min);
  } while (blocked(true));
  return absl::OkStatus();
}

// The record of the take says it already.
void ReplayShard::CountTaken(int64_t rows) {
  state_.sampled += rows;
  sampled_written_ = state_.sampled;
}

absl::Status ReplayShard::TakeRollout(const RolloutRequest& request, Rollout* out,
                                      const WaitLimit& limit) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(AwaitRollout(request, limit, [] { return false; }));
  state_.table.Take(request, out);
  WriteDown(EncodeRecord(RolloutTaken{{}, request}));
  CountTaken(request.steps);
  WakeBlocked();
  return absl::OkStatus();
}

// Who waits with a lower ticket has been left behind by its learner.
absl::Status ReplayShard::AwaitTicket(const RolloutTicket& ticket, const RolloutRequest& request,
                                      const WaitLimit& limit) {
  awaited_ticket_ = takes_waiting_ == 0 ? ticket : std::max(awaited_ticket_, ticket);
  gate_.Wake(Gate::kSamples);
  const auto settled = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return ticket < awaited_ticket_ || ticket < state_.ticket ||
           (ticket == state_.ticket && state_.kept != nullptr);
  };
  ++takes_waiting_;
  const absl::Status awaited = AwaitRollout(request, limit, settled);
  --takes_waiting_;
  PMOE_RETURN_IF_ERROR(awaited);
  return ticket < awaited_ticket_ ? IsOver(ticket, awaited_ticket_) : absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Rollout>> ReplayShard::TakeRollout(
    const RolloutTicket& ticket, const RolloutRequest& request, const WaitLimit& limit) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  if (ticket > state_.ticket || (ticket == state_.ticket && state_.kept == nullptr)) {
    PMOE_RETURN_IF_ERROR(AwaitTicket(ticket, request, limit));
  }
  if (ticket < state_.ticket) return IsOver(ticket, state_.ticket);
  if (ticket == state_.ticket && state_.kept != nullptr) return state_.kept;
  auto rollout = std::make_shared<Rollout>();
  state_.table.Take(request, rollout.get());
  state_.ticket = ticket;  // and not before: it may have been refused, or never been met
  state_.kept = std::move(rollout);
  WriteDown(EncodeRecord(RolloutTaken{ticket, request}));
  CountTaken(request.steps);
  gate_.Wake(Gate::kSamples);  // whoever waits with the same ticket
  WakeBlocked();
  return state_.kept;
}

}  // namespace pmoe
