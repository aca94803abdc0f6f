// What the folder of a run says of it where no learner answers: trained by `pmoe train`, or by
// nobody any more. A value; free function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "proto/config.pb.h"
#include "run/run_cost.h"

namespace pmoe {

struct StillRun {
  std::string directory;
  std::string label;
  int64_t env_steps = 0;
  int64_t total_steps = 0;
  int process = 0;  // that trains there, or starts again what does; 0: none that can be seen
  std::optional<uint64_t> checkpoint;  // the newest's env steps
  std::optional<double> eval_return;   // of the last evaluation
  bool of_cluster = false;
  ObserveConfig observe;  // a price, a return to reach
  RunCosts costs;

  bool is_training() const { return process != 0; }
  bool is_finished() const;
  // Where it is, what to type next and what it took, a line each.
  std::string Text() const;
  // The same as an object in one line, without a line feed.
  std::string Json() const;
};

// NotFoundError: no run's folder.
absl::StatusOr<StillRun> LookAtStillRun(const std::string& directory);

}  // namespace pmoe
