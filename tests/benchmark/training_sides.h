// A benchmark of trainings: ours beside peers' of experiments/peers, in turn, each with its warm-up
// off the clock. One thread at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/training_runs.h"

namespace pmoe {

struct TrainingSide {
  std::string name;
  std::function<absl::StatusOr<TrainingCost>()> measure;
  std::string peer = "";  // of which this is one number of threads; empty: ours
};

// Sides that run `script` of experiments/peers, which prints its cost as one JSON object: PEER with
// its default threads, and PEER_threadN with --threads N for 1, 2, 4, … below this machine's cores.
std::vector<TrainingSide> PeerSides(const std::string& peer, const std::string& script,
                                    const std::vector<std::string>& args);

// Measures those sides that the flags choose, in turn, flags.rounds times. Reports the medians of
// each as a table called `title`, each of ours over each of theirs and over each peer's best number
// of threads, and what the machine did beside it.
absl::Status CompareTrainings(const BenchFlags& flags, const std::string& title,
                              std::vector<TrainingSide> sides, Report* report);

}  // namespace pmoe
