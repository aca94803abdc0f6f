// Where an actor's time goes, for its reports and for whoever watches it while it waits. The
// actor's thread enters its activities, and its writer says when it waits for room. Thread-safe.
#pragma once

#include <functional>
#include <vector>

#include "common/base/activity_clock.h"
#include "control/core/control.h"

namespace pmoe {

class ActorClock {
 public:
  enum Activity : size_t { kEnv, kPolicy, kWrite, kBlocked, kIdle, kOther };

  explicit ActorClock(const Clock* clock = Clock::Real()) : time_(kOther + 1, clock) {}

  void Enter(Activity activity) { time_.Enter(activity); }
  // For the writer of this actor's own thread: TransitionWriter's OnWait.
  std::function<void(bool waits)> OnWait() {
    return [this](bool waits) { Enter(waits ? kBlocked : kWrite); };
  }
  // So far, what is under way included. Any thread.
  ActorSeconds Seconds() const {
    const std::vector<double> spent = time_.Seconds();
    return {spent[kEnv], spent[kPolicy], spent[kWrite] + spent[kBlocked], spent[kBlocked],
            spent[kIdle]};
  }

 private:
  ActivityClock time_;
};

}  // namespace pmoe
