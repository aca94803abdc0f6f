// How fast counts have grown lately: their differences over a window, divided by its length. A
// share of time is the rate of the seconds spent. What it keeps is bounded. Thread-compatible.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "common/base/clock.h"

namespace pmoe {

class RecentRates {
 public:
  explicit RecentRates(double window_s, const Clock* clock = Clock::Real())
      : window_s_(window_s), clock_(clock) {}

  // Whether a hundredth of the window has passed since the last Add: sooner, another would tell
  // nobody anything.
  bool Due() const;
  // The counts as they are now, always in the same order; ones that come later were 0 before.
  void Add(std::vector<double> counts);

  // Per second over the window, or since the first Add where that is less ago; where nothing was
  // added for longer than the window, over that longer time. Empty until there are two Adds at
  // different times.
  std::vector<double> PerSecond() const;
  // The time that PerSecond is over.
  double seconds() const;

 private:
  struct Sample {
    Clock::Time at;
    std::vector<double> counts;
  };

  const double window_s_;
  const Clock* const clock_;
  std::deque<Sample> before_;  // oldest first; the first one is what rates are held against
  Sample newest_;              // the last Add
};

}  // namespace pmoe
