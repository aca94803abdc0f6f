// ReplayShard for on-policy learners: rollouts instead of minibatches.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/replay_shard.h"

namespace pmoe {
namespace {

absl::Status NotOnPolicy() {
  return absl::FailedPreconditionError(
      "this shard's rows are sampled; only one made with on_policy gives rollouts");
}

}  // namespace

// Rows too old make room first: whoever waits with newer ones may hold what is missing.
absl::Status ReplayShard::AwaitRollout(const Turn& turn, const WaitLimit& limit) {
  PMOE_RETURN_IF_ERROR(state_.queue->CheckRequest(*turn.request));
  awaited_ = *turn.request;
  // Once as a rule: while it waits, another queue may be loaded or another call say what is old.
  do {
    state_.queue->DropOlder(turn.request->version_min);
    WakeBlocked();
    PMOE_RETURN_IF_ERROR(AwaitTurn(turn, limit));
    state_.queue->DropOlder(turn.request->version_min);
  } while (IsBlocked(turn));
  return absl::OkStatus();
}

absl::Status ReplayShard::TakeRollout(const RolloutRequest& request, Rollout* out,
                                      const WaitLimit& limit) {
  if (!options_.on_policy.has_value()) return NotOnPolicy();
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  PMOE_RETURN_IF_ERROR(AwaitRollout({kSamples, request.steps, nullptr, &request, nullptr}, limit));
  state_.queue->Take(request, out);
  state_.sampled += request.steps;
  WakeBlocked();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Rollout>> ReplayShard::TakeRollout(
    const RolloutTicket& ticket, const RolloutRequest& request, const WaitLimit& limit) {
  if (!options_.on_policy.has_value()) return NotOnPolicy();
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  if (ticket > state_.ticket) {  // which says that the one before has arrived
    state_.ticket = ticket;
    state_.kept.reset();
    may_go_on_[kSamples].NotifyAll();
  }
  if (ticket == state_.ticket && state_.kept == nullptr) {
    PMOE_RETURN_IF_ERROR(
        AwaitRollout({kSamples, request.steps, nullptr, &request, &ticket}, limit));
  }
  if (ticket > state_.ticket) {
    return absl::AbortedError("the shard's rows were set back; ask again");
  }
  if (ticket < state_.ticket) {
    return absl::FailedPreconditionError(absl::StrCat(
        "rollout ", ticket.id, " of learner epoch ", ticket.learner_epoch, " is over: rollout ",
        state_.ticket.id, " of learner epoch ", state_.ticket.learner_epoch, " was asked for"));
  }
  if (state_.kept != nullptr) return state_.kept;
  auto rollout = std::make_shared<Rollout>();
  state_.queue->Take(request, rollout.get());
  state_.kept = std::move(rollout);
  state_.sampled += request.steps;
  may_go_on_[kSamples].NotifyAll();  // whoever waits with the same ticket
  WakeBlocked();
  return state_.kept;
}

std::string ReplayShard::ExplainRollouts() const {
  std::string text;
  if (blocked_[kSamples].anybody()) text = state_.queue->ExplainTake(awaited_);
  if (blocked_[kInserts].anybody()) {
    absl::StrAppend(&text, text.empty() ? "" : "; ",
                    "inserts are blocked: ", state_.queue->ExplainInsert());
  }
  if (!text.empty()) return text;
  return absl::StrCat("neither side is blocked: ", state_.queue->ExplainInsert());
}

absl::Status ReplayShard::SaveRollouts(BlockFileWriter* out) const {
  if (!state_.queue.has_value()) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(state_.queue->Save(out));
  // Where rounds were committed, a checkpoint is a barrier behind the last rollout: nobody will ask
  // for it again, and the file is the same with tickets and without.
  const bool lockstep = state_.stage.next_round() != options_.stage.first_round;
  const RolloutTicket ticket = lockstep ? RolloutTicket{} : state_.ticket;
  const bool kept = !lockstep && state_.kept != nullptr;
  ByteWriter bytes;
  bytes.Pod(ticket.learner_epoch);
  bytes.Pod(ticket.id);
  bytes.Pod(static_cast<uint8_t>(kept));
  if (kept) SaveRollout(*state_.kept, &bytes);
  return out->Write(kRolloutBlock, {bytes.bytes()});
}

absl::Status ReplayShard::LoadRollouts(BlockFileReader* in, ShardState* state) const {
  PMOE_ASSIGN_OR_RETURN(BlockFileReader::Block block, in->Next());
  if (state->queue.has_value() != (block.type != kEndBlock)) {
    return absl::FailedPreconditionError(
        state->queue.has_value()
            ? "the saved shard kept a table, this one keeps rollouts; resume with its algorithm"
            : "the saved shard kept rollouts, this one keeps a table; resume with its algorithm");
  }
  if (!state->queue.has_value()) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(state->queue->Load(block, in));
  PMOE_ASSIGN_OR_RETURN(block, in->Next());
  if (block.type != kRolloutBlock) return in->Bad("has no rollout block where one must be");
  ByteReader bytes(block.payload);
  uint8_t kept = 0;
  bytes.Pod(&state->ticket.learner_epoch);
  bytes.Pod(&state->ticket.id);
  bytes.Pod(&kept);
  if (kept != 0) {
    Rollout rollout = LoadRollout(options_.spec, &bytes);
    if (bytes.ok() && !ValidateRollout(rollout).ok()) return in->Bad("has a bad rollout");
    state->kept = std::make_shared<Rollout>(std::move(rollout));
  }
  PMOE_RETURN_IF_ERROR(bytes.Finish("the rollout block"));
  PMOE_ASSIGN_OR_RETURN(block, in->Next());
  if (block.type != kEndBlock) return in->Bad("goes on where its end must be");
  return absl::OkStatus();
}

}  // namespace pmoe
