// Sequences of a ReplayTable: the rows of a stream one after the other, from each row that its
// selector chose.
#include <algorithm>
#include <cstring>

#include "replay/core/prefetch.h"
#include "replay/core/replay_table.h"
#include "replay/core/sequence.h"

namespace pmoe {
namespace {

// Of a row, by the flags of its record and of the next one. Only a transition that is not taken can
// follow: the others were let go of, as those that no door would let in today.
uint8_t FlagsOf(uint32_t row, uint32_t next) {
  uint8_t flags = 0;
  if ((row & kRowTerminated) != 0) flags |= kSequenceTerminated;
  if ((row & kRowTruncated) != 0) flags |= kSequenceTruncated;
  const bool follows = (next & (kRowStep | kRowTaken)) == kRowStep;
  return flags == 0 && !follows ? uint8_t{kSequenceCut} : flags;
}

// Zeros in rows [begin, end), whatever they held before.
void FillUp(const TableSpec& spec, size_t begin, size_t end, Minibatch* batch) {
  const auto clear = [&](auto* column, int width) {
    const auto values = static_cast<size_t>(width);
    std::fill(column + begin * values, column + end * values, 0);
  };
  clear(batch->obs(), spec.obs_dim);
  clear(batch->action(), spec.action_dim);
  clear(batch->reward(), 1);
  clear(batch->discount(), 1);
  clear(batch->next_obs(), spec.obs_dim);
  clear(batch->policy_version(), 1);
  clear(batch->flags(), 1);
}

}  // namespace

// All first rows are known, so that each is on its way to the cache; the hardware sees what
// follows.
void ReplayTable::GatherSequences(Minibatch* batch) const {
  constexpr size_t kAhead = 2;
  const size_t floats = 2 * static_cast<size_t>(pool_->stride());
  for (size_t i = 0; i < chosen_.size(); ++i) {
    if (i + kAhead < chosen_.size()) Prefetch(pool_->row(chosen_[i + kAhead]), floats);
    GatherSequence(chosen_[i], i, batch);
  }
}

void ReplayTable::GatherSequence(RowRef row, size_t i, Minibatch* batch) const {
  const auto rows_max = static_cast<size_t>(batch->sequence_rows());
  const size_t begin = i * rows_max;
  const size_t end = begin + rows_max;
  size_t at = begin;
  for (uint8_t flags = 0; at < end && flags == 0; ++at) {
    const RowRef next = Next(row);
    GatherStep(row, next, at, batch);
    flags = FlagsOf(pool_->flags(row), pool_->flags(next));
    batch->flags()[at] = flags;
    row = next;
  }
  batch->length()[i] = static_cast<uint32_t>(at - begin);
  FillUp(spec_, at, end, batch);
}

// As Gather of a table whose n_step is 1.
void ReplayTable::GatherStep(RowRef row, RowRef next, size_t i, Minibatch* batch) const {
  const auto obs_dim = static_cast<size_t>(spec_.obs_dim);
  const auto action_dim = static_cast<size_t>(spec_.action_dim);
  const float* const at = pool_->row(row);
  const bool terminated = (pool_->flags(row) & kRowTerminated) != 0;
  std::memcpy(batch->obs() + i * obs_dim, at, obs_dim * sizeof(float));
  std::memcpy(batch->action() + i * action_dim, at + pool_->action_at(),
              action_dim * sizeof(float));
  batch->reward()[i] = at[pool_->reward_at()];
  batch->discount()[i] = terminated ? 0.0f : static_cast<float>(gamma_power_[1]);
  std::memcpy(batch->next_obs() + i * obs_dim, pool_->row(next), obs_dim * sizeof(float));
  batch->policy_version()[i] = PagePool::Word(at + pool_->version_at());
}

}  // namespace pmoe
