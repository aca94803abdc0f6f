// A run as a discrete-event simulation: actors, limiter or rounds, learner and evaluator on a
// SimulatedMachine, row by row and update by update. Its rates are the truth that predictions are
// held against; what it measures is what a real run would say of itself.
#pragma once

#include <cstdint>
#include <vector>

#include "common/verdict/run_measure.h"

namespace pmoe {

struct SimulatedRunOptions {
  uint64_t seed = 1;
  Pace pace = Pace::kLimiter;
  int actors = 1;
  bool one_process = false;  // CPU time is known of all together
  double cores = 2.0;
  double foreign_cores = 0.0;  // programs that compute all the time, whole numbers
  // Of one env step, means; each is drawn with this standard deviation over the mean, 0 to 1.
  double step_sleep_s = 0.0;
  double step_cpu_s = 1e-3;
  double variation = 0.3;
  std::vector<double> slower{};  // factors of single actors' times, by index; absent: 1
  // Of the learner.
  double update_cpu_s = 1e-3;   // with one thread
  double update_sleep_s = 0.0;  // of a GPU
  double sample_s = 0.0;        // latency of a minibatch
  double serial_share = 0.1;
  int threads = 1;
  double updates_per_step = 1.0;
  double publish_s = 0.0;     // every 50 updates
  double checkpoint_s = 0.0;  // every 500
  double evaluation_s = 0.0;  // rounds: every 20, one at a time, two may wait
  int chunk_rows = 16;
  int64_t steps_per_round = 48;
  int64_t steps = 5000;  // that count, after as many again by half
};

// What such a run measures of itself; env_steps_per_s is exact.
RunMeasure Simulate(const SimulatedRunOptions& options);

}  // namespace pmoe
