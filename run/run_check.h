// What a run directory holds and what of it is damaged, read whole and without changing anything:
// `pmoe run verify`. The run may be trained meanwhile. Free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "run/checkpoint_note.h"

namespace pmoe {

struct CheckedTable {
  std::string name;  // env steps, or "aside-N"; those of shards with their folder
  uint64_t bytes = 0;
  std::string damage{};  // empty: whole
};

// What a shard wrote down behind the newest of its tables that is whole.
struct CheckedLog {
  std::string name;  // the shard's folder; empty: the only one
  uint64_t records = 0;
  uint64_t rows = 0;
  uint64_t torn_bytes = 0;  // of a write that is under way, or was cut off: no damage
  std::string damage{};     // empty: whole
};

struct CheckedCheckpoint {
  uint64_t env_steps = 0;
  uint64_t policy_version = 0;
  CheckpointNote note{};
  std::string damage{};  // empty: whole
};

struct CheckedSnapshot {
  std::string name;  // "best", "latest"
  uint64_t env_steps = 0;
  uint64_t policy_version = 0;
  std::string damage{};
};

struct RunCheck {
  std::string directory;
  std::string label;  // "Hopper-v5 sac seed 1"; empty: the configuration cannot be used
  std::string mode;
  bool lockstep = false;
  int64_t total_steps = 0;
  bool locked = false;
  int holder = 0;  // its process; 0: not on this machine, or not locked
  uint64_t learner_epoch = 0;
  int64_t metric_rows = 0;
  int64_t metric_steps = 0;                    // env steps of the last row
  std::vector<CheckedCheckpoint> checkpoints;  // the newest first
  std::vector<CheckedTable> tables;            // likewise, those of shards too
  std::vector<CheckedLog> logs;
  std::vector<CheckedSnapshot> snapshots;
  std::vector<std::string> damages;    // all of them, each with its file
  std::optional<uint64_t> resumes_at;  // env steps; nullopt: it cannot be resumed

  bool sound() const { return damages.empty(); }
};

// NotFoundError: `path` is no run directory, and never was one.
absl::StatusOr<RunCheck> CheckRun(const std::string& path);

}  // namespace pmoe
