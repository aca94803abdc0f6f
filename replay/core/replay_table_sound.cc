// Do the pages and streams of a loaded ReplayTable fit together?
#include <vector>

#include "replay/core/replay_table.h"

namespace pmoe {
namespace {

constexpr uint32_t kRowKinds = kRowHead | kRowFinal | kRowStep;

bool IsOfOneStream(const Page& a, const Page& b) {
  return a.member == b.member && a.actor == b.actor && a.epoch == b.epoch && a.env == b.env;
}

}  // namespace

bool ReplayTable::RowIsSound(RowRef row) const {
  const Page& page = pool_->page(row.page);
  const uint32_t flags = pool_->flags(row);
  switch (flags & kRowKinds) {
    case kRowHead: {
      const auto stream = streams_.find({page.member, page.actor, page.env});
      return flags == kRowHead && stream != streams_.end() && stream->second.head == row;
    }
    case kRowFinal:
      return flags == kRowFinal;
    case kRowStep:
      break;
    default:
      return false;
  }
  if (flags >= 2 * kRowTaken) return false;
  if ((flags & kRowReady) != 0 && (flags & kRowTaken) != 0) return false;
  return HasSuccessor(row);
}

// A page whose rows are all spent needs no other.
bool ReplayTable::HasSuccessor(RowRef row) const {
  const Page& page = pool_->page(row.page);
  if (row.row + 1 < kPageRows) return row.row + 1 < page.rows;
  if (page.taken == page.steps) return true;
  if (page.next >= pool_->slots()) return false;
  const Page& next = pool_->page(page.next);
  return next.live && next.rows > 0 && next.id > page.id && IsOfOneStream(page, next);
}

bool ReplayTable::PageIsSound(uint32_t slot) const {
  const Page& page = pool_->page(slot);
  if (page.rows == 0 || page.id >= pool_->next_id()) return false;
  int steps = 0;
  int ready = 0;
  for (uint32_t i = 0; i < page.rows; ++i) {
    if (!RowIsSound({slot, i})) return false;
    steps += (pool_->flags({slot, i}) & kRowStep) != 0;
    ready += (pool_->flags({slot, i}) & kRowReady) != 0;
  }
  if (steps != page.steps || ready != page.ready) return false;
  if (!page.open) return true;
  const auto stream = streams_.find({page.member, page.actor, page.env});
  return stream != streams_.end() && stream->second.page == slot;
}

bool ReplayTable::StreamIsSound(const StreamKey& key, const Stream& stream) const {
  const auto is_ours = [this, &key](uint32_t slot) {
    if (slot >= pool_->slots() || !pool_->page(slot).live) return false;
    const Page& page = pool_->page(slot);
    return StreamKey{page.member, page.actor, page.env} == key;
  };
  if (stream.page != kNoPage && (!is_ours(stream.page) || !pool_->page(stream.page).open ||
                                 pool_->page(stream.page).epoch != stream.epoch)) {
    return false;
  }
  if (stream.head &&
      (stream.head.page != stream.page || stream.head.row + 1 != pool_->page(stream.page).rows ||
       pool_->flags(stream.head) != kRowHead)) {
    return false;
  }
  if (stream.pending.empty()) return true;
  // One row after the other, up to the head: they will be marked ready as runs of a page.
  RowRef wanted = stream.pending.front();
  for (const RowRef row : stream.pending) {
    const bool is_step = row == wanted && is_ours(row.page) &&
                         row.row < pool_->page(row.page).rows &&
                         (pool_->flags(row) & (kRowStep | kRowReady | kRowTaken)) == kRowStep;
    if (!is_step) return false;
    wanted = Next(row);
  }
  return stream.head && wanted == stream.head &&
         stream.pending.size() < static_cast<size_t>(options_.n_step);
}

// Each page follows one other at most.
bool ReplayTable::LinkPage(uint32_t slot) {
  Page& page = pool_->page(slot);
  const bool leads_on = page.next < pool_->slots() && pool_->page(page.next).live &&
                        IsOfOneStream(page, pool_->page(page.next));
  if (!leads_on) page.next = kNoPage;
  if (page.next == kNoPage) return true;
  Page& next = pool_->page(page.next);
  if (next.id <= page.id || next.prev != kNoPage) return false;
  next.prev = slot;
  return true;
}

// Recomputes what the file does not store, and checks the rest.
bool ReplayTable::Rebuild() {
  std::vector<bool> is_free(pool_->slots(), false);
  for (uint32_t slot : pool_->free_list()) {
    if (slot >= pool_->slots() || is_free[slot] || pool_->page(slot).live) return false;
    is_free[slot] = true;
  }
  for (const auto& [key, stream] : streams_) {
    if (!StreamIsSound(key, stream)) return false;
  }
  for (uint32_t slot = 0; slot < pool_->slots(); ++slot) {
    Page& page = pool_->page(slot);
    if (!page.live) continue;
    for (uint32_t i = 0; i < page.rows; ++i) {
      page.taken += (pool_->flags({slot, i}) & kRowTaken) != 0 ? 1 : 0;
    }
    if (!PageIsSound(slot) || !LinkPage(slot)) return false;
    size_ += page.steps - page.taken;
    stored_ += page.steps;
    eligible_ += page.ready;
    if (!page.open) closed_.insert({page.id, slot});
  }
  return true;
}

}  // namespace pmoe
