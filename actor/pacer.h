// The ticks of a fixed rate, for an actor that paces a robot. They lie on a grid that begins with
// each episode, so that no delay adds up; a tick that nobody was ready for is missed, counted and
// skipped, never made up for. Thread-compatible.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "common/base/clock.h"

namespace pmoe {

class Pacer {
 public:
  // hz > 0. `clock` outlives it.
  Pacer(double hz, Clock* clock);

  // The grid begins: its first tick is a period from now.
  void Start();
  // Waits for the next tick; from there to the one after it the caller may act once. Whoever comes
  // too late waits for the next tick of the grid, so that what follows lies whole periods apart.
  // False: `stop`, asked at least ten times a second, said so, and the tick is still to come.
  bool Await(absl::FunctionRef<bool()> stop);
  // Ticks missed since the last call.
  uint64_t TakeMisses();

 private:
  Clock::Time Tick(int64_t n) const;
  // The tick whose period `now` is in; negative before the grid.
  int64_t TickBefore(Clock::Time now) const;
  void SkipTo(int64_t tick);

  const double hz_;
  Clock* const clock_;
  Clock::Time start_;
  int64_t next_ = 1;  // tick
  uint64_t misses_ = 0;
};

}  // namespace pmoe
