// What was measured of a run, lately: what a verdict is computed from. Each share is of the time of
// the one it is about, by the clock of its own process, so that clocks that differ change nothing.
// Plain values, which may come from peers and may be anything: Clean() bounds them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pmoe {

inline constexpr double kSilent_s = 4.0;  // without a report: silent; one a second is due

struct ActorMeasure {
  uint32_t index = 0;
  bool connected = true;
  bool here = true;       // on the learner's machine
  double silent_s = 0.0;  // since its last report
  double steps_per_s = 0.0;
  // Shares of its time, 0 to 1; absent: its process measures none.
  struct Time {
    double busy = 0.0;     // environment, policy, rows handed on
    double blocked = 0.0;  // waited for room
    double idle = 0.0;     // waited for a directive, or for a robot's tick
  };
  std::optional<Time> time{};
  std::optional<double> cpu_cores{};  // of its process
};

struct LearnerMeasure {
  // Shares of its time, 0 to 1.
  double sample_wait = 0.0;
  double update = 0.0;
  double publish = 0.0;
  double evaluation = 0.0;  // waited for one
  double checkpoint = 0.0;
  double idle = 0.0;  // waited for the actors' round

  double updates_per_s = 0.0;
  // What a minibatch takes that need not wait for rows; 0: not known.
  double sample_s = 0.0;
  int threads = 1;
  int threads_max = 1;        // that would pay off; as many as now: no more
  double serial_share = 0.0;  // of an update, which threads cannot share
  bool on_gpu = false;
  std::optional<double> cpu_cores{};  // of its process; of a run in one process: of the whole run

  double worked() const { return update + publish + checkpoint; }
  // The part of sample_wait that no further row would shorten.
  double sampling() const { return std::min(sample_wait, sample_s * updates_per_s); }
  double all() const { return sample_wait + worked() + evaluation + idle; }
};

// Who waits for whom.
enum class Pace {
  kLimiter,    // async: rows and samples in proportion
  kTurns,      // lockstep, lag 0: a round's steps, then its updates
  kSideBySide  // lockstep, lag 1: a round's steps beside the updates of the one before
};

struct RunMeasure {
  // Why nothing can be said now, as the end of "Nothing to say yet: …"; empty: something can.
  std::string reason{};

  Pace pace = Pace::kLimiter;
  bool one_process = false;  // actors are threads of the learner's process
  double env_steps_per_s = 0.0;
  std::vector<ActorMeasure> actors{};
  LearnerMeasure learner{};
  // Cores that the run may use on the learner's machine, on all others together, and how many these
  // are; 0 cores: not known.
  double cores_here = 0.0;
  double cores_elsewhere = 0.0;
  int machines_elsewhere = 0;
  // Cores busy on the learner's machine: by replay, by evaluators, and by what is not of the run.
  double replay_cores = 0.0;
  double evaluator_cores = 0.0;
  double foreign_cores = 0.0;
  // Lockstep: steps of a round and environments of an actor; 0: actors may be of any number.
  int64_t steps_per_round = 0;
  int envs = 1;
};

// The same with nothing that is no number, negative or beyond what a machine can do. An actor whose
// shares make no sense counts as one that measures none.
RunMeasure Clean(RunMeasure measure);

}  // namespace pmoe
