#include "replay/core/minibatch.h"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "common/base/check.h"

namespace pmoe {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kValueBytes = 4;  // every column but the flags is of 32-bit values

// Where the columns of a minibatch lie, from its first byte on; 0 where there is none.
struct Layout {
  size_t obs, action, reward, discount, next_obs, version, weight = 0, key = 0, length = 0,
                                                           flags = 0, end = 0;
};

// In the order of SampleReply (proto/replay.proto). The flags, which are bytes, come last, so that
// every other column is aligned.
Layout Place(const TableSpec& spec, const BatchShape& shape, size_t align) {
  size_t at = 0;
  const auto take = [&](int64_t rows, int width, size_t value_bytes) {
    const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(width) * value_bytes;
    return std::exchange(at, at + (bytes + align - 1) / align * align);
  };
  const int64_t rows = shape.rows();
  Layout all;
  all.obs = take(rows, spec.obs_dim, kValueBytes);
  all.action = take(rows, spec.action_dim, kValueBytes);
  all.reward = take(rows, 1, kValueBytes);
  all.discount = take(rows, 1, kValueBytes);
  all.next_obs = take(rows, spec.obs_dim, kValueBytes);
  all.version = take(rows, 1, kValueBytes);
  if (shape.prioritized) {
    all.weight = take(shape.size, 1, kValueBytes);
    all.key = take(shape.size, 1, sizeof(RowKey));
  }
  if (shape.sequence_rows > 0) {
    all.length = take(shape.size, 1, kValueBytes);
    all.flags = take(rows, 1, 1);
  }
  all.end = at;
  return all;
}

void CheckShape(const TableSpec& spec, const BatchShape& shape) {
  PMOE_CHECK(shape.size > 0 && shape.sequence_rows >= 0);
  PMOE_CHECK(shape.rows() <= std::numeric_limits<int>::max());
  PMOE_CHECK(spec.obs_dim > 0 && spec.action_dim > 0);
}

}  // namespace

size_t PackedBytes(const TableSpec& spec, const BatchShape& shape) {
  return Place(spec, shape, /*align=*/1).end;
}

void Minibatch::AlignedFree::operator()(void* p) const { std::free(p); }

Minibatch::Minibatch(const TableSpec& spec, const BatchShape& shape) : spec_(spec), shape_(shape) {
  CheckShape(spec, shape);
  const size_t total = Place(spec, shape, kAlign).end;
  storage_.reset(static_cast<char*>(std::aligned_alloc(kAlign, total)));
  PMOE_CHECK(storage_ != nullptr);
  std::memset(storage_.get(), 0, total);
  PlaceColumns(storage_.get(), kAlign);
}

Minibatch::Minibatch(const TableSpec& spec, const BatchShape& shape, absl::Span<char> packed)
    : spec_(spec), shape_(shape) {
  CheckShape(spec, shape);
  PMOE_CHECK(packed.size() == PackedBytes(spec, shape));
  PMOE_CHECK(reinterpret_cast<uintptr_t>(packed.data()) % kValueBytes == 0);
  PlaceColumns(packed.data(), /*align=*/1);
}

void Minibatch::PlaceColumns(char* at, size_t align) {
  const Layout all = Place(spec_, shape_, align);
  obs_ = reinterpret_cast<float*>(at + all.obs);
  action_ = reinterpret_cast<float*>(at + all.action);
  reward_ = reinterpret_cast<float*>(at + all.reward);
  discount_ = reinterpret_cast<float*>(at + all.discount);
  next_obs_ = reinterpret_cast<float*>(at + all.next_obs);
  policy_version_ = reinterpret_cast<uint32_t*>(at + all.version);
  if (shape_.prioritized) {
    weight_ = reinterpret_cast<float*>(at + all.weight);
    key_ = reinterpret_cast<RowKey*>(at + all.key);
  }
  if (shape_.sequence_rows > 0) {
    length_ = reinterpret_cast<uint32_t*>(at + all.length);
    flags_ = reinterpret_cast<uint8_t*>(at + all.flags);
  }
}

Minibatch Minibatch::Part(int row, int rows) const {
  PMOE_CHECK(row >= 0 && rows > 0 && row + rows <= size() && sequence_rows() == 0);
  Minibatch part(spec_, BatchShape{.size = rows, .prioritized = shape_.prioritized}, Borrows());
  const ptrdiff_t at = row;
  part.obs_ = obs_ + at * spec_.obs_dim;
  part.action_ = action_ + at * spec_.action_dim;
  part.reward_ = reward_ + at;
  part.discount_ = discount_ + at;
  part.next_obs_ = next_obs_ + at * spec_.obs_dim;
  part.policy_version_ = policy_version_ + at;
  if (weight_ == nullptr) return part;
  part.weight_ = weight_ + at;
  part.key_ = key_ + at;
  return part;
}

int64_t Minibatch::given_rows() const {
  if (length_ == nullptr) return size();
  return std::accumulate(length_, length_ + size(), int64_t{0});
}

}  // namespace pmoe
