#include "replay/core/page_pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <utility>

#include "common/base/check.h"

namespace pmoe {
namespace {

constexpr int64_t kHugePageBytes = int64_t{2} << 20;
constexpr int64_t kBlockPagesMin = 16;  // so that rounding to huge pages wastes little

int64_t BlockBytes(int64_t page_bytes) {
  const int64_t huge_pages = (kBlockPagesMin * page_bytes + kHugePageBytes - 1) / kHugePageBytes;
  return huge_pages * kHugePageBytes;
}

}  // namespace

void PagePool::AlignedFree::operator()(float* p) const { std::free(p); }

PagePool::PagePool(const TableSpec& spec)
    : action_at_(spec.obs_dim),
      extra_at_(action_at_ + spec.action_dim),
      reward_at_(extra_at_ + spec.extra_dim),
      version_at_(reward_at_ + 1),
      flags_at_(version_at_ + 1),
      stride_(flags_at_ + 1),
      pages_per_block_(static_cast<uint32_t>(BlockBytes(page_bytes()) / page_bytes())) {}

void PagePool::AddSlot() {
  const size_t page_floats = size_t{kPageRows} * static_cast<size_t>(stride_);
  const size_t within = pages_.size() % pages_per_block_;
  if (within == 0) {
    const size_t bytes = static_cast<size_t>(BlockBytes(page_bytes()));
    blocks_.emplace_back(static_cast<float*>(std::aligned_alloc(kHugePageBytes, bytes)));
    PMOE_CHECK(blocks_.back() != nullptr);
    // Random rows of 1e6 miss the TLB on 4 KiB pages: huge ones gather a third faster. Only a hint.
    (void)::madvise(blocks_.back().get(), bytes, MADV_HUGEPAGE);
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
  pages_[page] = Page{};
  free_.push_back(page);
}

void PagePool::BeginCopy() {
  std::vector<std::pair<uint32_t, Page>> pages;
  pages.reserve(pages_.size() - free_.size());
  for (uint32_t slot = 0; slot < slots(); ++slot) {
    if (pages_[slot].live) pages.emplace_back(slot, pages_[slot]);
  }
  const size_t row_bytes = static_cast<size_t>(stride_) * sizeof(float);
  copy_ = std::make_unique<PageCopy>(row_bytes, slots(), std::move(pages));
}

bool PagePool::NextPages(size_t bytes_max, CopiedPages* out) {
  const auto rows_of = [this](uint32_t slot) { return reinterpret_cast<const char*>(data_[slot]); };
  return copy_->Next(bytes_max, rows_of, out);
}

void PagePool::Keep(uint32_t page) {
  copy_->Keep(page, reinterpret_cast<const char*>(data_[page]));
}

void PagePool::Restore(uint32_t slots, std::vector<uint32_t> free_list, uint64_t next_id) {
  PMOE_CHECK(pages_.empty());
  for (uint32_t i = 0; i < slots; ++i) AddSlot();
  free_ = std::move(free_list);
  next_id_ = next_id;
}

}  // namespace pmoe
