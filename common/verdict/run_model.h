// A run as a queueing network with two stations and a bounded buffer between them: actors fill it
// with rows, the learner empties it, and their threads share the cores of a machine. From it comes
// what a run would do with other numbers of actors, threads or cores. Pure functions.
//
// N actors, each of which takes s seconds per env step that need no core (a simulator elsewhere, a
// sleep) and d seconds of CPU time; per env step the learner takes u CPU-seconds of updates, which
// its T threads share but for a serial share σ, c CPU-seconds of its own thread alone (minibatches,
// snapshots, checkpoints) and g seconds without a core (a GPU, an evaluation).
//
//   A = N / (s + f_a d)                              env steps/s that actors could make
//   L = 1 / (g + f_l (c + u (σ + (1 - σ) / T)))      env steps/s that the learner could keep up
//   with X = A (1 - ρ^K) / (1 - ρ^(K+1)),  ρ = A / L      env steps/s (M/M/1/K; ρ = 1: A K / (K +
//   1))
//
// K is how far one side may run ahead of the other: 1, they take turns and their times add
// (lockstep); many, their times overlap (the limiter's window): X is then the smaller of both. An
// evaluator that everybody waits for bounds X.
//
// f >= 1 is how much longer CPU time takes on a machine of C cores than alone. A thread that wants
// a core finds k others that do, and the kernel shares fairly: f = E[max(1, (1 + k) / C)], k taken
// as binomial with the mean and the variance of independent threads. How often each wants one
// follows from X, so that f and X are solved together by iteration.
//
// Assumptions: all cores alike; caches, memory bandwidth and clock rates that fall with load are
// not seen; a further actor is like the middle one and lives where the others do; machines without
// the learner are alike.
#pragma once

#include <limits>

namespace pmoe {

struct RunModel {
  double places = 32.0;          // K; 1: actors and learner take turns
  double actors = 1.0;           // N, of the middle kind: a slow one counts as a part of one
  double actors_here = 1.0;      // share of them on the learner's machine
  double step_sleep_s = 0.0;     // s
  double step_cpu_s = 0.0;       // d
  double update_cpu_s = 0.0;     // u
  double learner_cpu_s = 0.0;    // c
  double learner_sleep_s = 0.0;  // g
  double serial_share = 0.0;     // σ
  double threads = 1.0;          // T
  // Of the learner's machine: CPU-seconds per env step of others of the run (replay, the learner's
  // connections), and cores that are busy whatever the run does (an evaluator, other programs).
  double other_cpu_s = 0.0;
  double steady_cores = 0.0;
  // C: infinite where it is not known.
  double cores_here = std::numeric_limits<double>::infinity();
  double cores_elsewhere = std::numeric_limits<double>::infinity();  // of one other machine
  double machines_elsewhere = 0.0;
  double steps_per_s_max = std::numeric_limits<double>::infinity();  // by the evaluator
};

struct RunRates {
  double env_steps_per_s = 0.0;
  double actors_wait = 0.0;  // share of their time, 0 to 1
  double learner_wait = 0.0;
  double cores_busy = 0.0;      // of the learner's machine
  double stretch_actors = 1.0;  // f_a, over all machines
  double stretch_serial = 1.0;  // f_1
  double stretch_shared = 1.0;  // f_T
};

// What such a run does. All numbers >= 0 and, but for cores and the bound, finite; a run that takes
// no time for anything makes kStepsPerSecondMax.
RunRates Predict(const RunModel& model);
inline constexpr double kStepsPerSecondMax = 1e12;

// X of above.
double CoupledRate(double actors_rate, double learner_rate, double places);

// f: `mean` and `variance` of how many others want a core, at most `most` of them.
double Stretch(double cores, double mean, double variance, double most);

}  // namespace pmoe
