// One training of bench threshold, ours or a peer's: what it takes to a return. Every 5,000 env
// steps 10 episodes of the deterministic policy, off the wall clock; the first whose mean is at
// least the threshold ends it. Each tells its progress on stderr. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pmoe {

constexpr int kStepsPerEvaluation = 5000;

struct ThresholdTask {
  std::string env;
  double threshold = 0.0;  // return of an episode
  int steps = 0;           // env steps after which it gives up, a multiple of kStepsPerEvaluation
};

// What it took up to the evaluation that reached the threshold, or to the last one.
struct ThresholdRun {
  bool reached = false;
  double env_steps = 0.0;
  double wall_s = 0.0;  // evaluations, checkpoints, starts off the clock; a jit compiler on it
  // Ours: of whole processes, starts, checkpoints and evaluations included. Theirs: as wall_s.
  double cpu_s = 0.0;
  double compile_s = 0.0;  // of wall_s, in a jit compiler
  double best_return = 0.0;
};

// `pmoe train` with `words` (algorithm and preset), `sets` (PATH=VALUE, the later wins) and its
// most likely primitive's mean as the deterministic policy. Trains to an evaluation, which comes at
// the end of a run, and resumes; in lockstep the same bits as in one go. InvalidArgumentError as
// `pmoe train` has it.
absl::StatusOr<ThresholdRun> TrainOurs(const ThresholdTask& task, const std::string& name,
                                       const std::vector<std::string>& words,
                                       const std::vector<std::string>& sets, int64_t seed);

// experiments/peers/threshold.py. library: "sbx" or "sb3"; algorithm: "sac" or "crossq".
absl::StatusOr<ThresholdRun> TrainPeer(const ThresholdTask& task, const std::string& library,
                                       const std::string& algorithm, int64_t seed);

}  // namespace pmoe
