// A checkpoint of a run: the learner's state, the loop's, the actors' parts, a note beside them,
// and the replay table that the note names. Free functions over RunParts.
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

// Learner, loop and actors; with `replay` the table too, before them. Drops all but the newest
// `keep` checkpoints, and the tables that those do not name. Complete or not there.
absl::Status WriteCheckpoint(const RunParts& parts, const RunCheckpoint& checkpoint, bool replay,
                             int keep);

// Of the learner's state in a checkpoint.
int64_t StateBytes(const Learner& learner);

struct LoadedCheckpoint {
  uint64_t env_steps = 0;
  uint64_t version = 0;                          // of the snapshot
  std::shared_ptr<const PolicySnapshot> acting;  // null: of no open round
  std::string run;
  std::vector<std::string> actors;
};

// Loads the learner's state, with `replay` the table too, of the newest checkpoint that is whole,
// and gives the rest. Damaged ones, and those without their table, are set aside and said.
// NotFoundError: there is none at all. FailedPreconditionError: none can be used, or the newest has
// another architecture than `hash`.
absl::StatusOr<LoadedCheckpoint> LoadNewestCheckpoint(const RunParts& parts, uint64_t hash,
                                                      bool replay);

// The policy version of a checkpoint that is whole. DataLossError and NotFoundError name the file.
absl::StatusOr<uint64_t> CheckCheckpoint(const std::string& file);

}  // namespace pmoe
