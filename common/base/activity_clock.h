// Where a thread's time goes: it enters one activity after the other, and anybody may ask how many
// seconds each has taken so far, the one under way included, however long that lasts. An Enter is a
// clock read and an uncontended lock: hardly more than a Stopwatch's Lap. Thread-safe.
#pragma once

#include <cstddef>
#include <vector>

#include "common/base/mutex.h"

namespace pmoe {

class ActivityClock {
 public:
  // `activities` >= 1 are numbered from 0; the last is under way. `clock` outlives it.
  explicit ActivityClock(size_t activities, const Clock* clock = Clock::Real())
      : clock_(clock), seconds_(activities, 0.0), now_in_(activities - 1), since_(clock->Now()) {}

  // The activity before ends here, at the time that it gives.
  Clock::Time Enter(size_t activity) ABSL_LOCKS_EXCLUDED(mu_);
  size_t current() const ABSL_LOCKS_EXCLUDED(mu_);
  // [activities]; their sum is the time since construction.
  std::vector<double> Seconds() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const Clock* const clock_;
  mutable Mutex mu_;
  std::vector<double> seconds_ ABSL_GUARDED_BY(mu_);
  size_t now_in_ ABSL_GUARDED_BY(mu_);
  Clock::Time since_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
