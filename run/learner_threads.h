// How many threads an update gets where nobody says. The fast step has the same bits with any
// number, so the choice may look at the machine. Pure functions, but for FreeCores.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "proto/config.pb.h"

namespace pmoe {

struct Cores {
  int usable = 1;     // by this process
  int online = 1;     // that the machine has, which its load is of
  double load = 0.0;  // processes that want one, over the last minute and now
};

// Takes a fifth of a second to look at what is busy now, where learner.threads is not set.
Cores FreeCores(const RunConfig& config, Clock* clock = Clock::Real());

// The most threads that an update of this configuration is faster with, however many cores there
// are. Always >= 1.
int ThreadsThatPay(const RunConfig& config);

// The threads for a learner on such a machine: the cores that nobody uses and that no actor of this
// machine needs at the same time, but no more than pay off. Always >= 1.
int ThreadsFor(const RunConfig& config, const Cores& cores);

// Where learner.threads is 0, sets it. Returns a line for the user: what was chosen and how to
// choose otherwise, or that there are fewer cores than threads; empty if there is nothing to say.
std::string SettleLearnerThreads(const Cores& cores, RunConfig* config);

}  // namespace pmoe
