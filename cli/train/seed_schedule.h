// How many of several equal runs train side by side. Pure function.
#pragma once

#include <cstdint>

namespace pmoe {

struct SeedLoad {
  int runs = 1;            // that have something to do
  int cores = 1;           // of the machine
  int cores_each = 1;      // that one run keeps busy
  int64_t bytes_each = 0;  // of memory, once its replay is full
  int64_t memory = 0;      // of this process; 0: unknown
};

// So many that all have finished soonest: no core may idle while a run waits, so the runs are dealt
// out over as few turns as have a run for every core (5 runs on 2 cores: 3, then 2; two, two and
// one would leave a core idle for a fifth of the time). Fewer than twice as many as cores have room
// for, so memory is bounded, and never more than fit into it.
int SeedsAtOnce(const SeedLoad& load);

}  // namespace pmoe
