#include "replay/core/page_pool.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "common/base/check.h"

namespace pmoe {
namespace {

constexpr int64_t kBlockBytes = int64_t{2} << 20;

}  // namespace

void PagePool::AlignedFree::operator()(float* p) const { std::free(p); }

uint32_t PagePool::Word(const float* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

void PagePool::SetWord(float* at, uint32_t value) { std::memcpy(at, &value, sizeof(value)); }

PagePool::PagePool(const TableSpec& spec)
    : action_at_(spec.obs_dim),
      extra_at_(action_at_ + spec.action_dim),
      reward_at_(extra_at_ + spec.extra_dim),
      version_at_(reward_at_ + 1),
      flags_at_(version_at_ + 1),
      stride_(flags_at_ + 1),
      pages_per_block_(static_cast<uint32_t>(std::max<int64_t>(1, kBlockBytes / page_bytes()))) {}

// The block is not cleared: memory that no row has reached yet stays with the kernel.
void PagePool::AddSlot() {
  const size_t page_floats = size_t{kPageRows} * static_cast<size_t>(stride_);
  const size_t within = pages_.size() % pages_per_block_;
  if (within == 0) {
    const size_t bytes = pages_per_block_ * page_floats * sizeof(float);
    blocks_.emplace_back(static_cast<float*>(std::aligned_alloc(64, bytes)));
    PMOE_CHECK(blocks_.back() != nullptr);
  }
  data_.push_back(blocks_.back().get() + within * page_floats);
  pages_.emplace_back();
  const uint32_t slot = slots() - 1;
  for (uint32_t row = 0; row < kPageRows; ++row) set_flags({slot, row}, 0);
}

uint32_t PagePool::Open() {
  uint32_t slot;
  if (free_.empty()) {
    AddSlot();
    slot = slots() - 1;
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  pages_[slot] = Page{};
  pages_[slot].id = next_id_++;
  pages_[slot].live = pages_[slot].open = true;
  return slot;
}

void PagePool::Free(uint32_t page) {
  // A draw may still hit these rows: without flags it rejects them.
  for (uint32_t row = 0; row < kPageRows; ++row) set_flags({page, row}, 0);
  pages_[page] = Page{};
  free_.push_back(page);
}

void PagePool::Restore(uint32_t slots, std::vector<uint32_t> free_list, uint64_t next_id) {
  PMOE_CHECK(pages_.empty());
  for (uint32_t i = 0; i < slots; ++i) AddSlot();
  free_ = std::move(free_list);
  next_id_ = next_id;
}

}  // namespace pmoe
