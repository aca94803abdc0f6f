// A page of a table's memory: what stands beside its rows. A plain value.
#pragma once

#include <cstdint>

namespace pmoe {

inline constexpr uint32_t kNoPage = UINT32_MAX;

struct Page {
  uint64_t id = 0;          // order of opening; 64 * id + row numbers every row of a run
  uint32_t next = kNoPage;  // page of the successor of row 63
  uint32_t prev = kNoPage;  // the page whose next this is, as long as it is there
  uint32_t member = 0, actor = 0, epoch = 0, env = 0;
  uint64_t first_step = 0;  // number of its first transition, per (actor, epoch, env)
  uint16_t rows = 0;        // written
  uint16_t steps = 0;       // of those, transitions
  uint16_t ready = 0;       // of those, with kRowReady
  uint16_t taken = 0;       // of those, with kRowTaken
  bool live = false;
  bool open = false;
};

}  // namespace pmoe
