// The demonstrations of a run (replay.demos): its file looked at before anything starts, and its
// rows into the table of their own. Free functions; where they wait, on the caller's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "common/rpc/security.h"
#include "proto/config.pb.h"
#include "proto/replay.pb.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

// OK without replay.demos. Else reads the whole file: InvalidArgumentError with file, array, value
// and what to do. `columns` are the run's, where they are known already.
absl::Status CheckDemos(const RunConfig& config, const std::optional<TableSpec>& columns);

// Every row, in the file's order, into a table that has none. In process.
absl::Status LoadDemos(const RunConfig& config, ReplayShard* table);

// A shard's share of the file's rows: of consecutive ones, so that episodes stay whole but for one
// at each seam.
struct DemoPart {
  int shard = 0;
  int shards = 1;
  // Of them, how many the shard has got already: a load goes on where the one before it ended.
  int64_t have = 0;
  uint64_t rows = 0;  // of the whole file; 0: not known yet
};
// Sends them, waits until they are worth an acknowledgement, and returns the file's rows. Does not
// read it where the shard is known to have all. hello: all but the columns. InvalidArgumentError:
// the file; DeadlineExceededError: the shard took more than ten minutes.
absl::StatusOr<uint64_t> SendDemos(const RunConfig& config, const DemoPart& part,
                                   const LoadHello& hello, const RpcAddress& shard,
                                   const RpcSecurity& security);

}  // namespace pmoe
