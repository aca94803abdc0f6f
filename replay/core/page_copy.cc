#include "replay/core/page_copy.h"

namespace pmoe {

PageCopy::PageCopy(size_t row_bytes, uint32_t slots, std::vector<std::pair<uint32_t, Page>> pages)
    : row_bytes_(row_bytes), pages_(std::move(pages)), waits_(slots, 0), index_(slots, 0) {
  for (uint32_t i = 0; i < pages_.size(); ++i) {
    waits_[pages_[i].first] = 1;
    index_[pages_[i].first] = i;
  }
}

void PageCopy::Keep(uint32_t slot, const char* rows) {
  kept_[slot].assign(rows, Bytes(pages_[index_[slot]].second));
  waits_[slot] = 0;
}

std::string PageCopy::TakeKept(uint32_t slot) { return std::move(kept_.extract(slot).mapped()); }

}  // namespace pmoe
