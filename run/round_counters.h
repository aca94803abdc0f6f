// What a training loop tells its log at a round's end. A value.
#pragma once

#include <cstdint>

namespace pmoe {

// The learner's counters at a round's end.
struct RoundCounters {
  uint64_t env_steps = 0;
  uint64_t updates = 0;
  int64_t replay_size = 0;
  int policy_lag = 0;  // versions between the acting weights and the newest
};

}  // namespace pmoe
