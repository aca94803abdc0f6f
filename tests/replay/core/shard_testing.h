// What the tests of ReplayShard have in common.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "replay/core/replay_shard.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {

inline constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
inline constexpr auto kLate = absl::StatusCode::kDeadlineExceeded;
inline constexpr std::chrono::milliseconds kNow{0};
inline constexpr std::chrono::milliseconds kLong{60'000};

inline std::unique_ptr<ReplayShard> ShardOf(const TableSpec& spec, int64_t capacity,
                                            ReplayShardOptions options) {
  options.spec = spec;
  options.table.capacity = capacity;
  auto shard = ReplayShard::Create(options);
  EXPECT_OK(shard);
  return *std::move(shard);
}

}  // namespace pmoe
