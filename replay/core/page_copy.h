// The pages of a pool as they were at one moment, read bit by bit while the pool goes on: whoever
// is about to change a page that was not read yet has it kept first. So a checkpoint holds the
// shard's lock for a few pages at a time, and what is kept is little: open pages and evicted ones.
// Thread-compatible: the pool and the reader share the shard's lock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "replay/core/page.h"

namespace pmoe {

// Some pages in the order of their slots. Its memory serves the next ones.
struct CopiedPages {
  std::vector<std::pair<uint32_t, Page>> pages{};  // by slot
  std::string rows{};                              // of all of them, one after the other
};

class PageCopy {
 public:
  // row_bytes: of a record. `pages`: the live ones as (slot, page), by slot.
  PageCopy(size_t row_bytes, uint32_t slots, std::vector<std::pair<uint32_t, Page>> pages);

  bool Waits(uint32_t slot) const { return slot < waits_.size() && waits_[slot] != 0; }
  // A page that waits is going to change; its records are `rows`.
  void Keep(uint32_t slot, const char* rows);

  // The next pages, until they have bytes_max or more; false when there were none.
  // `rows_of(slot)`: a page's records.
  template <typename RowsOf>
  bool Next(size_t bytes_max, RowsOf rows_of, CopiedPages* out) {
    out->pages.clear();
    out->rows.clear();
    while (next_ < pages_.size() && out->rows.size() < bytes_max) {
      const auto& [slot, page] = pages_[next_];
      if (Waits(slot)) {
        out->rows.append(rows_of(slot), Bytes(page));
      } else {
        out->rows.append(TakeKept(slot));
      }
      waits_[slot] = 0;
      out->pages.push_back(pages_[next_++]);
    }
    return !out->pages.empty();
  }

 private:
  size_t Bytes(const Page& page) const { return page.rows * row_bytes_; }
  std::string TakeKept(uint32_t slot);

  const size_t row_bytes_;
  const std::vector<std::pair<uint32_t, Page>> pages_;
  std::vector<uint8_t> waits_;            // by slot
  std::vector<uint32_t> index_;           // in pages_, by slot
  std::map<uint32_t, std::string> kept_;  // by slot
  size_t next_ = 0;
};

}  // namespace pmoe
