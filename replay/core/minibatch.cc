#include "replay/core/minibatch.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace pmoe {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kValueBytes = 4;  // every column is of 32-bit values

// Bytes of a column, up to the next column's alignment.
size_t ColumnBytes(int rows, int width, size_t align) {
  const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(width) * kValueBytes;
  return (bytes + align - 1) / align * align;
}

constexpr int kKeyWidth = sizeof(RowKey) / kValueBytes;

size_t TotalBytes(const TableSpec& spec, int rows, size_t align, bool prioritized) {
  const size_t all = 2 * ColumnBytes(rows, spec.obs_dim, align) +
                     ColumnBytes(rows, spec.action_dim, align) +
                     3 * ColumnBytes(rows, 1, align);  // reward, discount, version
  if (!prioritized) return all;
  return all + ColumnBytes(rows, 1, align) + ColumnBytes(rows, kKeyWidth, align);
}

}  // namespace

size_t PackedBytes(const TableSpec& spec, int rows, bool prioritized) {
  return TotalBytes(spec, rows, kValueBytes, prioritized);
}

void Minibatch::AlignedFree::operator()(void* p) const { std::free(p); }

Minibatch::Minibatch(const TableSpec& spec, int batch_size, bool prioritized)
    : spec_(spec), size_(batch_size) {
  PMOE_CHECK(batch_size > 0 && spec.obs_dim > 0 && spec.action_dim > 0);
  const size_t total = TotalBytes(spec, batch_size, kAlign, prioritized);
  storage_.reset(static_cast<char*>(std::aligned_alloc(kAlign, total)));
  PMOE_CHECK(storage_ != nullptr);
  std::memset(storage_.get(), 0, total);
  PlaceColumns(storage_.get(), kAlign, prioritized);
}

Minibatch::Minibatch(const TableSpec& spec, int batch_size, absl::Span<char> packed,
                     bool prioritized)
    : spec_(spec), size_(batch_size) {
  PMOE_CHECK(batch_size > 0 && spec.obs_dim > 0 && spec.action_dim > 0);
  PMOE_CHECK(packed.size() == PackedBytes(spec, batch_size, prioritized));
  PMOE_CHECK(reinterpret_cast<uintptr_t>(packed.data()) % kValueBytes == 0);
  PlaceColumns(packed.data(), kValueBytes, prioritized);
}

// In the order of SampleReply (proto/replay.proto).
void Minibatch::PlaceColumns(char* at, size_t align, bool prioritized) {
  const auto take = [&](int width) {
    return std::exchange(at, at + ColumnBytes(size_, width, align));
  };
  obs_ = reinterpret_cast<float*>(take(spec_.obs_dim));
  action_ = reinterpret_cast<float*>(take(spec_.action_dim));
  reward_ = reinterpret_cast<float*>(take(1));
  discount_ = reinterpret_cast<float*>(take(1));
  next_obs_ = reinterpret_cast<float*>(take(spec_.obs_dim));
  policy_version_ = reinterpret_cast<uint32_t*>(take(1));
  if (!prioritized) return;
  weight_ = reinterpret_cast<float*>(take(1));
  key_ = reinterpret_cast<RowKey*>(take(kKeyWidth));
}

}  // namespace pmoe
