// Saving and loading a ReplayShard: everything that the next batch's bits depend on.
#include <utility>

#include "common/base/finite.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "replay/core/replay_shard.h"

namespace pmoe {
namespace {

bool IsFinite(const Rollout& rollout) {
  return AllFinite(rollout.obs) && AllFinite(rollout.action) && AllFinite(rollout.reward) &&
         AllFinite(rollout.extra) && AllFinite(rollout.bootstrap_obs);
}

}  // namespace

std::string ReplayShard::SaveState() const {
  ByteWriter out;
  state_.rng.SaveState(&out);
  state_.stage.SaveState(state_.table.book(), &out);
  gate_.SaveState(&out);
  state_.table.book().SaveState(&out);
  out.Pod(state_.sampled);
  out.Pod(state_.newest_version);
  return out.Take();
}

absl::Status ReplayShard::Save(const std::string& path) const {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileWriter::Create(path));
  {
    MutexLock lock(&mu_);
    PMOE_RETURN_IF_ERROR(state_.damage);
    PMOE_RETURN_IF_ERROR(file->Write(kShardBlock, {SaveState()}));
    PMOE_RETURN_IF_ERROR(state_.table.Save(file.get()));
    PMOE_RETURN_IF_ERROR(SaveRollout(file.get()));
  }
  return file->Finish();
}

// Where rounds were committed, a checkpoint is a barrier behind the last rollout: nobody will ask
// for it again, and the file is the same with tickets and without.
absl::Status ReplayShard::SaveRollout(BlockFileWriter* out) const {
  const bool lockstep = state_.stage.next_round() != options_.stage.first_round;
  if (lockstep || state_.ticket == RolloutTicket{}) return absl::OkStatus();
  ByteWriter bytes;
  bytes.Pod(state_.ticket.learner_epoch);
  bytes.Pod(state_.ticket.id);
  bytes.Pod(static_cast<uint8_t>(state_.kept != nullptr));
  if (state_.kept != nullptr) pmoe::SaveRollout(*state_.kept, &bytes);
  return out->Write(kRolloutBlock, {bytes.bytes()});
}

absl::Status ReplayShard::LoadState(absl::string_view bytes, ShardState* state, Gate* gate,
                                    StreamBook* book) const {
  ByteReader in(bytes);
  PMOE_RETURN_IF_ERROR(state->rng.LoadState(&in));
  PMOE_RETURN_IF_ERROR(state->stage.LoadState(&in, book));
  PMOE_RETURN_IF_ERROR(gate->LoadState(&in));
  PMOE_RETURN_IF_ERROR(book->LoadState(&in));
  in.Pod(&state->sampled);
  in.Pod(&state->newest_version);
  return in.Finish("the shard block");
}

absl::Status ReplayShard::LoadRollout(BlockFileReader::Block block, BlockFileReader* in,
                                      ShardState* state) const {
  if (block.type == kRolloutBlock) {
    ByteReader bytes(block.payload);
    uint8_t kept = 0;
    bytes.Pod(&state->ticket.learner_epoch);
    bytes.Pod(&state->ticket.id);
    bytes.Pod(&kept);
    if (kept != 0) {
      Rollout rollout = pmoe::LoadRollout(options_.spec, &bytes);
      if (bytes.ok() && !ValidateRollout(rollout).ok()) return in->Bad("has a bad rollout");
      state->kept = std::make_shared<Rollout>(std::move(rollout));
    }
    PMOE_RETURN_IF_ERROR(bytes.Finish("the rollout block"));
    PMOE_ASSIGN_OR_RETURN(block, in->Next());
  }
  return block.type == kEndBlock ? absl::OkStatus() : in->Bad("goes on where its end must be");
}

RowRules ReplayShard::LoadRules() const {
  MutexLock lock(&mu_);
  const bool known = published_.told() && published_.newest() > 0;
  return {options_.rules.reject_nonfinite, options_.rules.choices,
          known ? published_.newest() : kVersionMax};
}

absl::Status ReplayShard::Load(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileReader::Open(path));
  PMOE_ASSIGN_OR_RETURN(ReplayTable table, ReplayTable::Create(options_.spec, options_.table));
  ShardState state = NewState(std::move(table));
  Gate gate(options_.gate, options_.clock);
  StreamBook book;
  PMOE_ASSIGN_OR_RETURN(const BlockFileReader::Block block, file->Next());
  if (block.type != kShardBlock) return file->Bad("does not begin with a shard block");
  PMOE_RETURN_IF_ERROR(LoadState(block.payload, &state, &gate, &book));
  const RowRules rules = LoadRules();
  PMOE_ASSIGN_OR_RETURN(LoadedRows rows, state.table.Load(file.get(), std::move(book), rules));
  if (rows.refused > 0 || state.newest_version > rules.version_max) {
    state.newest_version = rows.newest_version;
  }
  PMOE_RETURN_IF_ERROR(LoadRollout(rows.next, file.get(), &state));
  if (state.kept != nullptr && options_.rules.reject_nonfinite && !IsFinite(*state.kept)) {
    rows.refused += state.kept->rows();
    state.kept.reset();
  }
  gate.SetInserted(state.table.inserted());
  if (rows.refused > 0) {
    Log(LogLevel::kWarning, path, ": ", rows.refused,
        " rows make no sense (not finite, or of a policy that was never published) and are left "
        "out");
  }

  MutexLock lock(&mu_);
  state_ = std::move(state);
  rows_left_out_ = rows.refused;
  // Writers go on with policies that rows of the table have.
  if (published_.told()) published_.Raise(state_.newest_version);
  gate_.Adopt(gate);
  gate_.Wake(Gate::kRounds);
  WakeBlocked();
  return absl::OkStatus();
}

}  // namespace pmoe
