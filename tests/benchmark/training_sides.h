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
  bool ours = false;
  std::function<absl::StatusOr<TrainingCost>()> measure;
};

// A side that runs `script` of experiments/peers, which prints its cost as one JSON object.
TrainingSide PeerSide(const std::string& name, const std::string& script,
                      const std::vector<std::string>& args);

// Measures those sides that the flags choose, in turn, flags.rounds times. Reports the medians of
// each as a table called `title`, and each of ours over each of theirs.
absl::Status CompareTrainings(const BenchFlags& flags, const std::string& title,
                              std::vector<TrainingSide> sides, Report* report);

}  // namespace pmoe
