// What a saved table and a log may bring back: rows that a door would let in today. Those that it
// would not, which an older build may have taken and saved, stay where they are in a table and are
// never given: they count as taken. Those of a log do not even enter.
#include <algorithm>
#include <limits>

#include "common/base/finite.h"
#include "common/base/status_macros.h"
#include "replay/core/replay_table.h"

namespace pmoe {
namespace {

uint32_t VersionOf(const PagePool& pool, RowRef row) {
  return PagePool::Word(pool.row(row) + pool.version_at());
}

bool IsFinite(const PagePool& pool, RowRef row) {
  return AllFinite({pool.row(row), static_cast<size_t>(pool.version_at())});
}

// The row's own columns, of a transition or of an observation alone, whose others are zeros.
bool IsWithin(const PagePool& pool, const RowRules& rules, RowRef row) {
  return (!rules.reject_nonfinite || IsFinite(pool, row)) &&
         VersionOf(pool, row) <= rules.version_max &&
         AreChoices(rules.choices, pool.row(row) + pool.extra_at());
}

}  // namespace

// Between Rebuild and TellSelector.
LoadedRows ReplayTable::LeaveOutNonsense(const RowRules& rules) {
  const auto within = [&](RowRef row) { return IsWithin(*pool_, rules, row); };
  // With all that is read where the row is given: the rewards of n steps, and the observation
  // behind them (Gather).
  const auto makes_sense = [&](RowRef row) {
    if (!within(row)) return false;
    for (int n = 0; n < options_.n_step && (pool_->flags(row) & kRowStep) != 0; ++n) {
      row = Next(row);
      if (rules.reject_nonfinite && !IsFinite(*pool_, row)) return false;
    }
    return true;
  };
  // What still waits for rewards, or for its action, cannot go on from nonsense: its writer goes on
  // behind it, as after a loss. As Cut, but the selector is to be told of nothing yet.
  for (auto& [key, stream] : streams_) {
    if ((!stream.head || within(stream.head)) &&
        std::all_of(stream.pending.begin(), stream.pending.end(), within)) {
      continue;
    }
    if (stream.head) pool_->set_flags(stream.head, kRowFinal);
    stream.head = RowRef{};
    for (const RowRef row : stream.pending) {
      pool_->set_flags(row, pool_->flags(row) | kRowReady);
      ++pool_->page(row.page).ready;
      ++eligible_;
    }
    stream.pending.clear();
    if (stream.page != kNoPage) ClosePage(&stream);
  }
  LoadedRows rows;
  for (uint32_t slot = 0; slot < pool_->slots(); ++slot) {
    Page& page = pool_->page(slot);
    for (uint32_t i = 0; page.live && i < page.rows; ++i) {
      const RowRef row{slot, i};
      const uint32_t flags = pool_->flags(row);
      if ((flags & kRowStep) == 0) continue;
      if ((flags & kRowReady) == 0 || makes_sense(row)) {
        const uint32_t version = VersionOf(*pool_, row);
        if (version <= rules.version_max) {
          rows.newest_version = std::max(rows.newest_version, version);
        }
        continue;
      }
      pool_->set_flags(row, (flags & ~uint32_t{kRowReady}) | kRowTaken);
      --page.ready;
      ++page.taken;
      --eligible_;
      --size_;
      ++rows.refused;
    }
  }
  return rows;
}

void ReplayTable::Refuse(const Chunk& chunk) {
  if (book_.IsNewEpoch(chunk.member, chunk.actor, chunk.epoch)) CutActor(chunk.member, chunk.actor);
  book_.Refuse(chunk);
}

absl::Status ReplayTable::LeaveOut(const Chunk& chunk) {
  const StreamKey key{chunk.member, chunk.actor, chunk.env};
  PMOE_ASSIGN_OR_RETURN(const Seam seam, book_.CheckSteps(chunk));
  if (seam == Seam::kNewEpoch) CutActor(key.member, key.actor);
  const auto stream = streams_.find(key);
  if (stream != streams_.end()) Cut(&stream->second);
  LetGoOfSpent();
  book_.Record(chunk);
  if (chunk.actor != StreamBook::kLoader) inserted_ += chunk.rows;
  return absl::OkStatus();
}

void ReplayTable::GiveUpWaiting(uint32_t version_min) {
  DropOlder(std::numeric_limits<uint32_t>::max());  // no row is of that one
  DropOlder(version_min);
}

}  // namespace pmoe
