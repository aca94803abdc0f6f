#include "replay/client/window_size.h"

#include <algorithm>
#include <chrono>

namespace pmoe {
namespace {

constexpr size_t kBegin = 4;
constexpr size_t kLeast = 2;  // one that waits at the shard, one behind it
// Beyond the shortest wait: what a busy shard or a checkpoint may add, and what a limiter does.
constexpr std::chrono::milliseconds kQuick(250), kSlow(500);

}  // namespace

WindowSize::WindowSize(size_t chunks_max, bool keep_fresh)
    : chunks_max_(chunks_max),
      keep_fresh_(keep_fresh),
      chunks_(keep_fresh ? std::min(kBegin, chunks_max) : chunks_max) {}

void WindowSize::OnAck(Clock::Duration waited, bool full) {
  if (!keep_fresh_) return;
  shortest_ = std::min(shortest_, waited);
  const Clock::Duration queued = waited - shortest_;
  if (queued > kSlow) {
    chunks_ = std::min(std::max(chunks_ / 2, kLeast), chunks_max_);
  } else if (queued <= kQuick && full) {
    chunks_ = std::min(chunks_ + 1, chunks_max_);
  }
}

}  // namespace pmoe
