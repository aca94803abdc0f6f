// What a ReplayShard is made with, how long its callers wait, and what it counts: plain values.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "replay/core/chunk.h"
#include "replay/core/gate.h"
#include "replay/core/replay_table.h"
#include "replay/core/round_stage.h"

namespace pmoe {

struct ReplayShardOptions {
  TableSpec spec{};
  ChunkRules rules{};
  ReplayTableOptions table{};
  RoundStageOptions stage{};
  uint64_t seed = 1;   // the run's
  uint32_t index = 0;  // of this shard
  GateOptions gate{};
  Clock* clock = Clock::Real();  // of waits and of what they took

  absl::Status Validate() const;
};

// On-policy, sampled means taken, and what is held are the rows that wait to be.
struct ShardCounts {
  int64_t size = 0;      // transitions held
  int64_t eligible = 0;  // of those, that can be sampled now
  int64_t inserted = 0;  // transitions ever inserted
};

// A limiter as it is now.
struct LimiterState {
  RateLimiterOptions options{};
  bool paused = false;
  std::string text{};  // ReplayShard::Explain
};

struct ShardStats {
  int64_t size = 0;             // transitions held
  int64_t inserted = 0;         // transitions ever inserted
  int64_t loaded = 0;           // transitions ever loaded from files, apart from those
  int64_t sampled = 0;          // rows ever sampled
  int64_t bytes = 0;            // memory of the pages held
  uint64_t next_round = 0;      // lockstep: the one to be committed next
  uint32_t newest_version = 0;  // highest policy version of the rows inserted
  int64_t duplicates = 0;       // chunks dropped because they came before
  uint64_t rows_lost = 0;       // that a writer sent and a restarted shard no longer has
  int64_t refused = 0;          // chunks dropped because they made no sense
  int64_t priorities_gone = 0;  // errors of rows that were gone when they came
  int64_t rows_left_out = 0;    // of the file and the log loaded last, because they made none
  BlockedSeconds inserts_blocked;
  BlockedSeconds samples_blocked;
};

}  // namespace pmoe
