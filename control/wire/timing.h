// Where an actor's time went lately, and how long things took, as reports and status carry it.
// Thread-compatible.
#pragma once

#include <string>

#include "common/base/recent_rates.h"
#include "common/metrics/latency_histogram.h"
#include "control/core/control.h"
#include "proto/run.pb.h"

namespace pmoe {

inline constexpr double kTimeWindow_s = 10.0;  // of shares of time and of rates

// A share of time, whatever two clock reads that lie apart have made of it.
double AsShare(double seconds_per_second);

// An actor's seconds, looked at now and then, as shares of its time.
class ActorShares {
 public:
  explicit ActorShares(const Clock* clock = Clock::Real()) : rates_(kTimeWindow_s, clock) {}

  // What the actor has spent since it began.
  void Look(const ActorSeconds& so_far);
  // False, and *time as it was: not known yet.
  bool Fill(ActorTime* time) const;

 private:
  RecentRates rates_;
};

// Lately. Without any event only the name is set.
LatencyMessage ToMessage(const std::string& name, const LatencyHistogram& histogram);

}  // namespace pmoe
