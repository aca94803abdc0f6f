// Saving and loading a ReplayShard: everything that the next batch's bits depend on.
#include <functional>
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

std::string ReplayShard::SaveHistory(uint64_t number) const {
  if (number == 0) return "";
  ByteWriter losses;
  state_.table.book().SaveLosses(&losses);
  const Journal* const journal = journal_;
  return TableHistory{.number = number,
                      .log_position = journal != nullptr ? journal->end() : log_position_,
                      .settings = SettingsOf(options_),
                      .losses = losses.Take()}
      .Encode();
}

struct ReplayShard::Saved {
  absl::Status damage{};
  Journal* journal = nullptr;
  uint64_t log_end = 0;
  std::string history{};
  std::string state{};
  TableSave table{};
  RolloutTicket ticket{};
  std::shared_ptr<const Rollout> kept{};
};

ReplayShard::Saved ReplayShard::BeginSave(uint64_t number) const {
  MutexLock lock(&mu_);
  if (!state_.damage.ok()) return {.damage = state_.damage};
  Journal* const journal = journal_;
  Saved saved = {.journal = number > 0 ? journal : nullptr,
                 .log_end = journal != nullptr ? journal->end() : 0,
                 .history = SaveHistory(number),
                 .state = SaveState(),
                 .table = state_.table.BeginSave()};
  // Where rounds were committed, a checkpoint is a barrier behind the last rollout: nobody will ask
  // for it again, and the file is the same with tickets and without.
  if (state_.stage.next_round() != options_.stage.first_round) return saved;
  saved.ticket = state_.ticket;
  saved.kept = state_.kept;
  return saved;
}

absl::Status ReplayShard::Save(const std::string& path, uint64_t number,
                               const std::function<bool()>& stop) const {
  MutexLock one(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileWriter::Create(path));
  const Saved saved = BeginSave(number);
  PMOE_RETURN_IF_ERROR(saved.damage);
  const absl::Status written = Write(saved, stop, file.get());
  {
    MutexLock lock(&mu_);
    state_.table.EndSave();
  }
  PMOE_RETURN_IF_ERROR(written);
  // No checkpoint is ahead of the log: if it is damaged later, an older one needs these records.
  if (saved.journal != nullptr) saved.journal->AwaitOnDisk(saved.log_end);
  return file->Finish();
}

absl::Status ReplayShard::Write(const Saved& saved, const std::function<bool()>& stop,
                                BlockFileWriter* out) const {
  if (!saved.history.empty()) {
    PMOE_RETURN_IF_ERROR(out->Write(kHistoryBlock, {saved.history}));
  }
  PMOE_RETURN_IF_ERROR(out->Write(kShardBlock, {saved.state}));
  PMOE_RETURN_IF_ERROR(out->Write(kTableBlock, {saved.table.index}));
  CopiedPages pages;
  const auto next_pages = [&] {
    MutexLock lock(&mu_);
    return state_.table.NextPages(&pages);
  };
  while (next_pages()) {
    if (stop && stop()) return absl::CancelledError("the table was not saved: nobody waits for it");
    PMOE_RETURN_IF_ERROR(ReplayTable::WritePages(options_.spec, pages, out));
  }
  if (!saved.table.selector.empty()) {
    PMOE_RETURN_IF_ERROR(out->Write(kSelectorBlock, {saved.table.selector}));
  }
  return SaveRollout(saved, out);
}

absl::Status ReplayShard::SaveRollout(const Saved& saved, BlockFileWriter* out) {
  if (saved.ticket == RolloutTicket{}) return absl::OkStatus();
  ByteWriter bytes;
  bytes.Pod(saved.ticket.learner_epoch);
  bytes.Pod(saved.ticket.id);
  bytes.Pod(static_cast<uint8_t>(saved.kept != nullptr));
  if (saved.kept != nullptr) pmoe::SaveRollout(*saved.kept, &bytes);
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

RowRules ReplayShard::Rules() const {
  return {options_.rules.reject_nonfinite, options_.rules.choices, published_.named()};
}

absl::Status ReplayShard::Load(const std::string& path, TableHistory* history) {
  MutexLock one(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileReader::Open(path));
  PMOE_ASSIGN_OR_RETURN(ReplayTable table, ReplayTable::Create(options_.spec, options_.table));
  ShardState state = NewState(std::move(table));
  Gate gate(options_.gate, options_.clock);
  StreamBook book;
  RowRules rules;
  {
    MutexLock lock(&mu_);
    rules = Rules();
  }
  PMOE_ASSIGN_OR_RETURN(BlockFileReader::Block block, file->Next());
  TableHistory saved;
  if (block.type == kHistoryBlock) {
    PMOE_ASSIGN_OR_RETURN(saved, TableHistory::Decode(block.payload));
    PMOE_ASSIGN_OR_RETURN(block, file->Next());
  }
  if (block.type != kShardBlock) return file->Bad("does not begin with a shard block");
  PMOE_RETURN_IF_ERROR(LoadState(block.payload, &state, &gate, &book));
  if (!saved.losses.empty()) PMOE_RETURN_IF_ERROR(book.LoadLosses(saved.losses));
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
  const uint64_t position = saved.log_position;
  if (history != nullptr) *history = std::move(saved);

  MutexLock lock(&mu_);
  log_position_ = position;
  dropped_below_ = 0;
  state_ = std::move(state);
  rows_left_out_ = rows.refused;
  // Writers go on with policies that rows of the table have.
  if (published_.told()) published_.Reach(state_.newest_version);
  gate.Settle();
  gate_.Adopt(gate);
  gate_.Wake(Gate::kRounds);
  WakeBlocked();
  return absl::OkStatus();
}

}  // namespace pmoe
