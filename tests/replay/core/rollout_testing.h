// Chunks of on-policy rows and what a rollout of them must look like.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "replay/core/replay_shard.h"
#include "replay/core/rollout.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {

inline constexpr TableSpec kRolloutSpec{.obs_dim = 2, .action_dim = 1, .extra_dim = 1};

// MakeChunk of kRolloutSpec whose rows all are of one version.
inline Chunk VersionChunk(const ChunkPlan& plan, uint32_t version) {
  Chunk chunk = MakeChunk(kRolloutSpec, plan);
  chunk.policy_version.assign(chunk.rows, version);
  return chunk;
}

// "actor.env@step" of each row, as MakeChunk's observations and rewards tell.
inline std::vector<std::string> RowNames(const Rollout& rollout) {
  std::vector<std::string> names;
  for (const RolloutSegment& segment : rollout.segments) {
    for (int64_t row = segment.start; row < segment.start + segment.length; ++row) {
      const uint64_t step = static_cast<uint64_t>(rollout.reward[static_cast<size_t>(row)]);
      EXPECT_EQ(rollout.obs[static_cast<size_t>(2 * row)],
                ObsValue(segment.actor, segment.env, step));
      EXPECT_EQ(rollout.action[static_cast<size_t>(row)], -static_cast<float>(step));
      EXPECT_EQ(rollout.extra[static_cast<size_t>(row)], 2.0f * static_cast<float>(step));
      names.push_back(absl::StrCat(segment.actor, ".", segment.env, "@", step));
    }
  }
  return names;
}

// "actor.env+rows" of each segment with how it ends, T terminated, U truncated or C cut, joined by
// spaces.
inline std::string SegmentNames(const Rollout& rollout) {
  constexpr absl::string_view kEnds[] = {"?", "T", "U", "C"};
  std::string names;
  for (const RolloutSegment& segment : rollout.segments) {
    absl::StrAppend(&names, names.empty() ? "" : " ", segment.actor, ".", segment.env, "+",
                    segment.length, kEnds[static_cast<size_t>(segment.end)]);
  }
  return names;
}

inline constexpr std::chrono::milliseconds kAtOnce{0};
inline constexpr std::chrono::milliseconds kLongWait{60'000};  // ends a test that would hang

inline ReplayShardOptions OnPolicy(int64_t steps, int max_lag = 0) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  options.table.fifo = FifoOptions{.rollout_steps = steps, .max_lag = max_lag};
  return options;
}

inline std::unique_ptr<ReplayShard> MakeShard(const ReplayShardOptions& options) {
  auto shard = ReplayShard::Create(options);
  EXPECT_OK(shard);
  return *std::move(shard);
}

// Chunk `seq` of an actor whose chunks have `rows` rows of env 0.
inline Chunk StepRows(uint64_t seq, uint32_t rows, uint32_t actor = 0, uint32_t epoch = 0,
                      uint32_t version = 1) {
  return VersionChunk(
      {.actor = actor, .epoch = epoch, .seq = seq, .first_step = seq * rows, .rows = rows},
      version);
}

// A table of rollouts, in the words of its tests.
class RolloutTable {
 public:
  explicit RolloutTable(const FifoOptions& options)
      : options_(options), table_(*ReplayTable::Create(kRolloutSpec, {.fifo = options})) {}

  absl::Status Append(const Chunk& chunk) { return table_.Append(chunk); }
  void CutActor(uint32_t member, uint32_t actor) { table_.CutActor(member, actor); }
  void DropOlder(uint32_t version_min) { table_.DropOlder(version_min); }
  void Take(const RolloutRequest& request, Rollout* out) { table_.Take(request, out); }
  bool CanInsert(const Chunk& chunk) const {
    return table_.selector().HasRoom({chunk.member, chunk.actor, chunk.env, chunk.epoch},
                                     chunk.rows);
  }
  bool CanTake(const RolloutRequest& request) const {
    return table_.selector().CanSelect(ReplayTable::InOrder(request));
  }
  absl::Status CheckRequest(const RolloutRequest& request) const {
    return table_.selector().Check(ReplayTable::InOrder(request));
  }
  bool RoomGrew() { return table_.mutable_selector()->RoomGrew(); }
  std::string ExplainTake(const RolloutRequest& request) const {
    return table_.selector().ExplainSelect(ReplayTable::InOrder(request));
  }
  std::string ExplainInsert() const { return table_.selector().ExplainInsert(); }
  int64_t size() const { return table_.size(); }
  int64_t inserted() const { return table_.inserted(); }
  int64_t dropped() const { return table_.selector().dropped(); }
  int64_t rows_max() const { return options_.rows_max(); }
  int64_t bytes() const { return table_.bytes(); }

 private:
  FifoOptions options_;
  ReplayTable table_;
};

// Waits until the shard says that somebody waits.
template <typename Blocked>
void AwaitBlocked(const ReplayShard& shard, Blocked blocked) {
  while (blocked(shard.Stats()).current == 0.0) std::this_thread::yield();
}
inline constexpr auto kInsertsOf = [](const ShardStats& stats) { return stats.inserts_blocked; };
inline constexpr auto kTakesOf = [](const ShardStats& stats) { return stats.samples_blocked; };

}  // namespace pmoe
