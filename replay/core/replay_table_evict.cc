// What a ReplayTable lets go of: the oldest pages, and those whose rows are all spent.
#include <vector>

#include "common/base/check.h"
#include "replay/core/replay_table.h"

namespace pmoe {

void ReplayTable::EvictOldest() {
  PMOE_CHECK(!closed_.empty());  // CheckRoomForStream leaves room beside the open pages
  const uint32_t slot = closed_.begin()->second;
  const uint32_t next = pool_->page(slot).next;
  Evict(slot);
  FreeIfSpent(next);
}

void ReplayTable::Evict(uint32_t slot) {
  const Page& page = pool_->page(slot);
  closed_.erase({page.id, slot});
  size_ -= page.steps - page.taken;
  stored_ -= page.steps;
  eligible_ -= page.ready;
  if (page.next != kNoPage) pool_->page(page.next).prev = kNoPage;
  if (page.prev != kNoPage) pool_->page(page.prev).next = kNoPage;
  const auto stream = streams_.find({page.member, page.actor, page.env});
  if (stream != streams_.end()) {
    std::erase_if(stream->second.pending, [slot](RowRef row) { return row.page == slot; });
  }
  selector_->OnEvict(slot);
  pool_->Free(slot);
}

void ReplayTable::LetGoOfSpent() {
  const Spent spent = selector_->TakeSpent();
  for (const RowRef row : spent.rows) {
    pool_->set_flags(row, (pool_->flags(row) & ~uint32_t{kRowReady}) | kRowTaken);
    Page& page = pool_->page(row.page);
    ++page.taken;
    --page.ready;
    --size_;
    --eligible_;
  }
  for (const uint32_t page : spent.pages) Evict(page);
  for (const RowRef row : spent.rows) FreeIfSpent(row.page);
}

// A closed page whose rows are all spent goes, unless rows of the page before it that are not lead
// here; and so does the next one, if this page's rows kept it.
void ReplayTable::FreeIfSpent(uint32_t slot) {
  if (options_.max_times_sampled == 0) return;
  const auto spent = [this](uint32_t at) {
    const Page& page = pool_->page(at);
    return page.live && !page.open && page.taken == page.steps;
  };
  for (uint32_t next = kNoPage; slot != kNoPage && spent(slot); slot = next) {
    next = pool_->page(slot).next;
    const uint32_t prev = pool_->page(slot).prev;
    if (prev == kNoPage || spent(prev)) Evict(slot);
  }
}

}  // namespace pmoe
