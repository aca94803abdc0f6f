// What a ReplayTable is made with, what its file is made of, and a row as it names it: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "replay/core/block_file.h"
#include "replay/core/chunk.h"
#include "replay/core/selectors/age_selector.h"
#include "replay/core/selectors/fifo_selector.h"
#include "replay/core/selectors/prioritized_selector.h"

namespace pmoe {

// Types of the blocks of a saved shard: a history block or none, one shard block, one table block,
// then a page block for each live page, then a selector block if there is something to say, and a
// rollout block if one may be asked for again.
enum ReplayBlock : uint32_t {
  kShardBlock = 1,
  kTableBlock = 2,
  kPageBlock = 3,
  kOldQueueBlock = 4,  // until 2026-11 on-policy shards kept their rows in blocks of their own
  kOldQueuePieceBlock = 5,
  kRolloutBlock = 6,
  kSelectorBlock = 7,
  kHistoryBlock = 8,
};

struct ReplayTableOptions {
  int64_t capacity = 1'000'000;  // transitions; at least 2 * kPageRows per stream
  int64_t bytes_max = 0;         // memory of the pages; 0: no limit
  int n_step = 1;                // rewards summed per sampled transition, at most kPageRows
  double gamma = 0.99;           // per step
  // On-policy: rows are taken once, in order, and nothing is evicted before. The four above must be
  // valid all the same, and count for nothing.
  std::optional<FifoOptions> fifo{};
  // Off-policy, instead of uniformly: rows by priority, or by age.
  std::optional<PriorityOptions> priority{};
  std::optional<RowAge> age{};
  int max_times_sampled = 0;  // a row that was given so often is let go of; 0: no limit

  absl::Status Validate() const;
};

// What a saved row must be to be taken back: what a door would let in today.
struct RowRules {
  bool reject_nonfinite = true;
  ExtraChoices choices{};
  uint32_t version_max = UINT32_MAX;
};

// What came of the rows of a file.
struct LoadedRows {
  int64_t refused = 0;            // transitions left out, because they make no sense
  uint32_t newest_version = 0;    // of the others
  BlockFileReader::Block next{};  // after the table's
};

// What a file says of a table beside its pages, as bytes.
struct TableSave {
  std::string index{};
  std::string selector{};
};

// A transition in the table, and what its writer called it.
struct StoredStep {
  uint32_t member = 0, actor = 0, epoch = 0, env = 0;
  uint64_t step = 0;
  Transition transition{};  // borrowed from the table
};

}  // namespace pmoe
