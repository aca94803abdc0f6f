#include "learner/kernels/thread_team.h"

#include <immintrin.h>

#include "learner/kernels/flush_denormals.h"

namespace pmoe {
namespace {

// 10 to 40 us, by the CPU. A clock read at each look would cost as much as a pause.
constexpr int kPauses = 1000;

// Returns once `value` is no longer `old`.
void AwaitChange(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < kPauses; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    _mm_pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadTeam::ThreadTeam(int threads) : size_(threads) {
  for (int i = 1; i < threads; ++i) others_.emplace_back([this, i] { Loop(i); });
}

ThreadTeam::~ThreadTeam() {
  ends_.store(true, std::memory_order_relaxed);
  starts_.fetch_add(1, std::memory_order_release);
  starts_.notify_all();
  for (std::thread& thread : others_) thread.join();
}

void ThreadTeam::Run(absl::FunctionRef<void(int)> work) {
  const ScopedFlushDenormals flush;
  if (size_ == 1) return work(0);
  work_ = &work;
  starts_.fetch_add(1, std::memory_order_release);
  starts_.notify_all();
  work(0);
  Barrier();
}

void ThreadTeam::Loop(int thread) {
  const ScopedFlushDenormals flush;
  for (uint32_t seen = 0;; ++seen) {
    AwaitChange(starts_, seen);
    if (ends_.load(std::memory_order_relaxed)) return;
    (*work_)(thread);
    Barrier();
  }
}

// The last to arrive opens it. `passed_` is read before arriving, because afterwards it may move.
void ThreadTeam::Barrier() {
  if (size_ == 1) return;
  const uint32_t before = passed_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < static_cast<uint32_t>(size_)) {
    return AwaitChange(passed_, before);
  }
  arrived_.store(0, std::memory_order_relaxed);
  passed_.fetch_add(1, std::memory_order_release);
  passed_.notify_all();
}

}  // namespace pmoe
