// Whether a table that fills up fits the machine, told before a run begins rather than in the
// midst of it. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

struct TableSize {
  int64_t rows = 0;
  int64_t bytes = 0;      // in memory, and about as many in its file
  int64_t log_bytes = 0;  // beside its files, of its log; 0: none
};

// Of the shard's table once it is full, or holds all `rows_ever` that will come. On-policy each of
// the `streams` (environments) keeps a page, however few rows it may hold.
TableSize FullSize(const ReplayShardOptions& options, int64_t rows_ever = INT64_MAX,
                   int64_t streams = 1);

// A line for each thing that will not fit, with the numbers and what to set: the table in `memory`
// (MemoryLimit; 0: unknown), and checkpoints in `folder`: `tables` saved ones, the new one beside
// those that are kept, the log, and `state_bytes` more.
std::vector<std::string> SizeWarnings(const TableSize& table, int64_t memory, int tables,
                                      int64_t state_bytes, const std::string& folder,
                                      const DiskSpace& disk);

}  // namespace pmoe
