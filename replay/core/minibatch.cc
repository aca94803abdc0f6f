#include "replay/core/minibatch.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace pmoe {
namespace {

constexpr size_t kAlign = 64;

// Bytes of a column of 32-bit values, up to the next column's alignment.
size_t ColumnBytes(int rows, int width) {
  const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(width) * 4;
  return (bytes + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

void Minibatch::AlignedFree::operator()(void* p) const { std::free(p); }

Minibatch::Minibatch(const TableSpec& spec, int batch_size) : spec_(spec), size_(batch_size) {
  PMOE_CHECK(batch_size > 0 && spec.obs_dim > 0 && spec.action_dim > 0);
  const size_t observation_bytes = ColumnBytes(size_, spec.obs_dim);
  const size_t action_bytes = ColumnBytes(size_, spec.action_dim);
  const size_t scalar_bytes = ColumnBytes(size_, 1);
  const size_t total = 2 * observation_bytes + action_bytes + 3 * scalar_bytes;
  storage_.reset(static_cast<char*>(std::aligned_alloc(kAlign, total)));
  PMOE_CHECK(storage_ != nullptr);
  std::memset(storage_.get(), 0, total);

  char* at = storage_.get();
  const auto take = [&at](size_t bytes) { return std::exchange(at, at + bytes); };
  obs_ = reinterpret_cast<float*>(take(observation_bytes));
  action_ = reinterpret_cast<float*>(take(action_bytes));
  reward_ = reinterpret_cast<float*>(take(scalar_bytes));
  discount_ = reinterpret_cast<float*>(take(scalar_bytes));
  next_obs_ = reinterpret_cast<float*>(take(observation_bytes));
  policy_version_ = reinterpret_cast<uint32_t*>(take(scalar_bytes));
}

}  // namespace pmoe
