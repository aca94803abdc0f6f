// `pmoe-replay load`: the rows of a file into a shard that runs.
#pragma once

#include <atomic>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "common/rpc/address.h"
#include "common/rpc/security.h"
#include "replay/load/row_source.h"

namespace pmoe {

struct LoadFileOptions {
  std::string path;
  ActionRange actions{};
  RpcAddress shard{};
  std::string table{};     // of the shard; empty: the run's own
  RpcSecurity security{};  // with an admin's certificate
};

// Looks at every row first, and sends none of a file with one that cannot be learned from. Says how
// far it is on stderr, and what came of it on `out`. CancelledError: *interrupted was set; what had
// entered until then stays, and the text says how much.
absl::Status LoadFile(const LoadFileOptions& options, const std::atomic<bool>& interrupted,
                      std::FILE* out);

}  // namespace pmoe
