// What a saved shard holds beside its table. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/rng.h"
#include "replay/core/rate_limiter.h"
#include "replay/core/rollout.h"
#include "replay/core/rollout_queue.h"
#include "replay/core/round_stage.h"
#include "replay/core/writer_ledger.h"

namespace pmoe {

struct ShardState {
  Rng rng;
  RoundStage stage;
  std::optional<RateLimiter> limiter;
  WriterLedger ledger;
  std::optional<RolloutQueue> queue;
  RolloutTicket ticket;                 // highest that came
  std::shared_ptr<const Rollout> kept;  // what it got; null: nothing yet
  int64_t sampled = 0;
  uint32_t newest_version = 0;
};

}  // namespace pmoe
