// A small shard and its chunks, as the fuzzers of its files make them.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "replay/core/replay_shard.h"

namespace pmoe {

inline constexpr TableSpec kFuzzedSpec{.obs_dim = 2, .action_dim = 1};
inline constexpr std::chrono::milliseconds kNow{0};

enum class Kind { kUniform, kPrioritized, kOnPolicy, kSpent };

inline std::unique_ptr<ReplayShard> MakeShard(Kind kind) {
  ReplayShardOptions options;
  if (kind == Kind::kOnPolicy) options.table.fifo = FifoOptions{.rollout_steps = 100};
  if (kind == Kind::kPrioritized) options.table.priority = PriorityOptions{};
  if (kind == Kind::kSpent) options.table.age = RowAge::kNewest;
  if (kind == Kind::kSpent) options.table.max_times_sampled = 2;
  options.spec = kFuzzedSpec;
  options.table.capacity = 512;
  options.table.n_step = 4;
  auto shard = ReplayShard::Create(options);
  if (!shard.ok()) __builtin_trap();
  return *std::move(shard);
}

// terminated: its last row ends the episode.
inline Chunk MakeChunk(uint64_t seq, uint64_t first_step, uint32_t rows, bool terminated = false) {
  Chunk chunk;
  chunk.seq = seq;
  chunk.first_step = first_step;
  chunk.rows = rows;
  for (uint32_t i = 0; i <= rows; ++i) {
    chunk.observations.insert(chunk.observations.end(), 2, static_cast<float>(first_step + i));
  }
  chunk.actions.resize(rows);
  chunk.rewards.resize(rows);
  chunk.terminated.resize(rows);
  chunk.truncated.resize(rows);
  chunk.policy_version.resize(rows);
  chunk.terminated.back() = terminated;
  return chunk;
}

}  // namespace pmoe
