// std::mutex with clang thread-safety annotations. absl::Mutex gives false ThreadSanitizer reports
// with the Debian build, which is not instrumented.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "common/base/clock.h"

namespace pmoe {

class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mu_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_->Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* mu_;
};

// The one way to wait. Callers loop over their predicate,
//   while (!done_ && changed_.WaitUntil(&mu_, deadline)) {
//   }
// and whoever changes what it reads calls NotifyAll under the same mutex. Wake-ups for nothing
// happen.
class CondVar {
 public:
  explicit CondVar(Clock* clock = Clock::Real()) : clock_(clock) {}

  void NotifyAll() { cv_.notify_all(); }
  // Waits until woken or until the deadline; false once that has passed.
  bool WaitUntil(Mutex* mu, Clock::Time deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (clock_->Now() >= deadline) return false;
    std::unique_lock<std::mutex> lock(mu->mu_, std::adopt_lock);
    clock_->Wait(&cv_, &lock, deadline);
    lock.release();
    return clock_->Now() < deadline;
  }
  // For predicates that also read what wakes nobody: a flag that a signal sets.
  bool WaitBriefly(Mutex* mu, Clock::Time deadline = Clock::Time::max())
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    constexpr std::chrono::milliseconds kLook(100);
    const Clock::Time look = clock_->Now() + kLook;
    return WaitUntil(mu, std::min(deadline, look)) || clock_->Now() < deadline;
  }
  // For a thread of its owner's that waits for work, and is woken for its end.
  void Wait(Mutex* mu) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) { WaitUntil(mu, Clock::Time::max()); }

 private:
  Clock* const clock_;
  std::condition_variable cv_;
};

}  // namespace pmoe
