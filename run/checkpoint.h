// A checkpoint of a run: the learner's state, the loop's, the actors' parts, and beside it the
// replay table of the same name. Free functions over RunParts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "run/run_parts.h"

namespace pmoe {

struct RunCheckpoint {
  uint64_t env_steps = 0;
  std::shared_ptr<const PolicySnapshot> snapshot;  // the newest published
  // Of lockstep's open round, where that is an older one: it was lost, and will be made again.
  std::shared_ptr<const PolicySnapshot> acting{};
  std::string run{};                  // the loop's own state
  std::vector<std::string> actors{};  // by index; async: empty
};

// Learner, loop and actors; with `replay` the table too, which then is the only one kept. Drops all
// but the newest `keep` checkpoints. Complete or not there.
absl::Status WriteCheckpoint(const RunParts& parts, const RunCheckpoint& checkpoint, bool replay,
                             int keep);

// Of the learner's state in a checkpoint.
int64_t StateBytes(const Learner& learner);

struct LoadedCheckpoint {
  uint64_t version = 0;                          // of the snapshot
  std::shared_ptr<const PolicySnapshot> acting;  // null: of no open round
  std::string run;
  std::vector<std::string> actors;
};

// Loads the learner's state and gives the rest. FailedPreconditionError: another architecture than
// `hash`.
absl::StatusOr<LoadedCheckpoint> ReadCheckpoint(const RunParts& parts, uint64_t env_steps,
                                                uint64_t hash);

}  // namespace pmoe
