// The memory of a table: pages of 64 row records, carved from blocks that are allocated as the
// table grows, and the free list. A row record is one run of 32-bit words, so that a transition and
// its successor are one contiguous read:
//   obs [O] | action [A] | extra [X] | reward | policy version | flags
// Thread-compatible.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "replay/core/chunk.h"
#include "replay/core/page.h"
#include "replay/core/page_copy.h"

namespace pmoe {

// Where a row is: the page's slot in the pool and the row within it.
struct RowRef {
  uint32_t page = kNoPage;
  uint32_t row = 0;
  bool operator==(const RowRef&) const = default;
  explicit operator bool() const { return page != kNoPage; }
};

// Flags of a row record.
enum RowFlag : uint32_t {
  kRowHead = 1,         // observation only, the action is still to come
  kRowFinal = 2,        // observation only, for ever: an episode's end or a cut
  kRowStep = 4,         // a transition
  kRowReady = 8,        // a transition whose n_step rewards are known: it can be sampled
  kRowTerminated = 16,  // of a transition
  kRowTruncated = 32,   // of a transition
  kRowTaken = 64,       // a transition that no selector gives any more
};

class PagePool {
 public:
  explicit PagePool(const TableSpec& spec);

  // A cleared, open page with the next id; the free slot that was freed last, or a new one.
  uint32_t Open();
  void Free(uint32_t page);

  Page& page(uint32_t i) { return pages_[i]; }
  const Page& page(uint32_t i) const { return pages_[i]; }
  // Slots, free ones included: what a draw chooses from.
  uint32_t slots() const { return static_cast<uint32_t>(pages_.size()); }
  int64_t live_pages() const { return static_cast<int64_t>(pages_.size() - free_.size()); }
  int64_t page_bytes() const { return int64_t{kPageRows} * stride_ * 4; }

  // For writing, which a copy under way is told of.
  float* mutable_row(RowRef r) {
    if (copy_ != nullptr && copy_->Waits(r.page)) Keep(r.page);
    return data_[r.page] + size_t{r.row} * stride_;
  }
  const float* row(RowRef r) const { return data_[r.page] + size_t{r.row} * stride_; }
  uint32_t flags(RowRef r) const { return Word(row(r) + flags_at_); }
  void set_flags(RowRef r, uint32_t flags) { SetWord(mutable_row(r) + flags_at_, flags); }

  // Words of a record and where its columns start.
  int stride() const { return stride_; }
  int action_at() const { return action_at_; }
  int extra_at() const { return extra_at_; }
  int reward_at() const { return reward_at_; }
  int version_at() const { return version_at_; }
  int flags_at() const { return flags_at_; }

  static uint32_t Word(const float* at) {
    uint32_t value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  static void SetWord(float* at, uint32_t value) { std::memcpy(at, &value, sizeof(value)); }

  // For checkpoints: the live pages as they are now, given out piece by piece (PageCopy) while the
  // pool goes on. One copy at a time; NextPages is false at its end.
  void BeginCopy();
  bool NextPages(size_t bytes_max, CopiedPages* out);
  void EndCopy() { copy_.reset(); }

  // And back: the free list in order, and `slots` empty slots to be filled by the caller.
  const std::vector<uint32_t>& free_list() const { return free_; }
  uint64_t next_id() const { return next_id_; }
  void Restore(uint32_t slots, std::vector<uint32_t> free_list, uint64_t next_id);

 private:
  struct AlignedFree {
    void operator()(float* p) const;
  };
  void AddSlot();
  void Keep(uint32_t page);

  int action_at_, extra_at_, reward_at_, version_at_, flags_at_, stride_;
  uint32_t pages_per_block_;
  uint64_t next_id_ = 0;
  std::vector<Page> pages_;     // by slot
  std::vector<float*> data_;    // by slot: the page's first record
  std::vector<uint32_t> free_;  // slots, last in first out
  std::vector<std::unique_ptr<float[], AlignedFree>> blocks_;
  std::unique_ptr<PageCopy> copy_;  // null: none under way
};

}  // namespace pmoe
