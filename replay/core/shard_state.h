// What a saved shard holds: its rows, and what goes on from them. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "common/base/rng.h"
#include "replay/core/replay_table.h"
#include "replay/core/rollout.h"
#include "replay/core/round_stage.h"

namespace pmoe {

struct ShardState {
  ReplayTable table;
  Rng rng;
  RoundStage stage;
  RolloutTicket ticket{};                 // highest that came
  std::shared_ptr<const Rollout> kept{};  // what it got; null: nothing yet
  int64_t sampled = 0;
  uint32_t newest_version = 0;
  absl::Status damage{};  // a round is half in: the rows must not be saved or learned from
};

}  // namespace pmoe
