// A ReplayShard's journal: what it writes down, and how its records make it again. Records were
// checked at the door; those of a build with other doors are looked at as the rows of a file are.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/replay_shard.h"

namespace pmoe {
namespace {

// Would a table of today take the rows? How many environments an actor had is not asked.
bool MakeSense(const TableSpec& spec, const RowRules& rules, const Chunk& chunk) {
  const auto known = [&rules](uint32_t version) { return version <= rules.version_max; };
  const ChunkRules door = {.reject_nonfinite = rules.reject_nonfinite, .choices = rules.choices};
  return std::all_of(chunk.policy_version.begin(), chunk.policy_version.end(), known) &&
         ValidateChunk(spec, door, chunk).ok();
}

}  // namespace

void ReplayShard::StartJournal(Journal* journal, bool begins) {
  MutexLock lock(&mu_);
  journal_ = journal;
  gate_.Settle();
  sampled_written_ = state_.sampled;
  if (begins) journal->Append(EncodeRecord(TableBegun()));
}

absl::Status ReplayShard::ClearLocked() {
  PMOE_ASSIGN_OR_RETURN(ReplayTable table, ReplayTable::Create(options_.spec, options_.table));
  state_ = NewState(std::move(table));
  gate_.Adopt(Gate(options_.gate, options_.clock));
  rows_left_out_ = 0;
  return absl::OkStatus();
}

absl::Status ReplayShard::Clear() {
  MutexLock lock(&mu_);
  log_position_ = 0;
  return ClearLocked();
}

void ReplayShard::WriteDown(std::string record) {
  Journal* const journal = journal_;
  if (journal == nullptr) return;
  // With the next record is soon enough: it is only for the limiter, which inserts move too.
  if (state_.sampled != sampled_written_) {
    sampled_written_ = state_.sampled;
    journal->Append(EncodeRecord(RowsSampled{state_.sampled}));
  }
  journal->Append(std::move(record));
}

// All with the shard's lock held.
struct ReplayShard::Applier {
  ReplayShard* shard;

  absl::Status operator()(const TableBegun&) const;
  absl::Status operator()(const WriterHello& hello) const;
  absl::Status operator()(const Chunk& chunk) const;
  absl::Status operator()(const ActorCut& cut) const;
  absl::Status operator()(const RowsAged& aged) const;
  absl::Status operator()(const RolloutTaken& taken) const;
  absl::Status operator()(const RowsSampled& sampled) const;
  absl::Status operator()(const ChunkRefused& refused) const;

  absl::Status Take(const RolloutTaken& taken, std::shared_ptr<Rollout>* rollout) const;
};

absl::Status ReplayShard::Applier::operator()(const TableBegun&) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return shard->ClearLocked();
}

absl::Status ReplayShard::Applier::operator()(const WriterHello& hello) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return shard->state_.table.Hello(hello).status();
}

absl::Status ReplayShard::Applier::operator()(const Chunk& chunk) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  const TableSpec& spec = shard->options_.spec;
  PMOE_RETURN_IF_ERROR(ValidateChunk(spec, {.reject_nonfinite = false}, chunk));
  PMOE_RETURN_IF_ERROR(shard->state_.table.book().CheckSeq(chunk));
  if (MakeSense(spec, shard->Rules(), chunk)) return shard->Enter(chunk);
  PMOE_RETURN_IF_ERROR(shard->state_.table.LeaveOut(chunk));
  shard->CountInsert(chunk);
  shard->rows_left_out_ += chunk.rows;
  return absl::OkStatus();
}

absl::Status ReplayShard::Applier::operator()(const ChunkRefused& refused) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return shard->RefuseLocked(refused);
}

absl::Status ReplayShard::Applier::operator()(const ActorCut& cut) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  shard->state_.table.CutActor(cut.member, cut.actor);
  return absl::OkStatus();
}

absl::Status ReplayShard::Applier::operator()(const RowsAged& aged) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  shard->state_.table.DropOlder(aged.version_min);
  return absl::OkStatus();
}

// Where rows were left out nobody can say which of the others it took: none is given twice if all
// that waited are given up.
absl::Status ReplayShard::Applier::Take(const RolloutTaken& taken,
                                        std::shared_ptr<Rollout>* rollout) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  const SelectRequest rows = ReplayTable::InOrder(taken.request);
  PMOE_RETURN_IF_ERROR(shard->state_.table.selector().Check(rows));
  if (shard->rows_left_out_ > 0) {
    shard->state_.table.GiveUpWaiting(taken.request.version_min);
    return absl::OkStatus();
  }
  shard->state_.table.DropOlder(taken.request.version_min);
  if (!shard->state_.table.selector().CanSelect(rows)) {
    return absl::DataLossError(
        absl::StrCat("the log took a rollout of ", rows.rows, " rows, which are not there"));
  }
  *rollout = std::make_shared<Rollout>();
  shard->state_.table.Take(taken.request, rollout->get());
  return absl::OkStatus();
}

absl::Status ReplayShard::Applier::operator()(const RolloutTaken& taken) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  std::shared_ptr<Rollout> rollout;
  PMOE_RETURN_IF_ERROR(Take(taken, &rollout));
  shard->state_.sampled += taken.request.steps;
  if (taken.ticket == RolloutTicket{}) return absl::OkStatus();
  shard->state_.ticket = taken.ticket;
  shard->state_.kept = std::move(rollout);
  return absl::OkStatus();
}

absl::Status ReplayShard::Applier::operator()(const RowsSampled& sampled) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (sampled.total < shard->state_.sampled) {
    return absl::DataLossError(absl::StrCat("the log counts ", sampled.total,
                                            " rows sampled after ", shard->state_.sampled));
  }
  shard->gate_.OnSample(sampled.total - shard->state_.sampled);
  shard->state_.sampled = sampled.total;
  return absl::OkStatus();
}

absl::Status ReplayShard::Apply(absl::string_view bytes, uint64_t position) {
  PMOE_ASSIGN_OR_RETURN(const JournalRecord record, DecodeRecord(options_.spec, bytes));
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(std::visit(Applier{this}, record));
  log_position_ = position + 1;
  // Writers go on with policies that rows of the table have.
  if (published_.told()) published_.Reach(state_.newest_version);
  return absl::OkStatus();
}

}  // namespace pmoe
