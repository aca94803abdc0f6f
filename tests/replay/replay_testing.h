// Chunks whose numbers say where they come from; with it, what every test of replay uses: TempDir
// and the matchers of Status.
#pragma once

#include <fstream>
#include <string>

#include "replay/core/chunk.h"
#include "replay/core/minibatch.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {

// Where a chunk comes from and what it holds.
struct ChunkPlan {
  uint32_t actor = 0;
  uint32_t epoch = 0;
  uint32_t env = 0;
  uint64_t seq = 0;
  uint64_t first_step = 0;
  uint64_t round = 0;
  uint32_t rows = 1;
  bool last_of_round = false;
  bool terminated = false;  // the last row
  bool truncated = false;   // the last row
};

// The first component of the observation before step s of a stream; the others follow from it.
inline float ObsValue(uint32_t actor, uint32_t env, uint64_t step) {
  return static_cast<float>(1'000'000 * actor + 100'000 * env + step);
}

// Row of step s: obs[j] = ObsValue(s) + j / 8, action[j] = -s - j, reward s, version s, extra[j] =
// s * 2 + j.
inline Chunk MakeChunk(const TableSpec& spec, const ChunkPlan& plan) {
  Chunk chunk;
  chunk.actor = plan.actor;
  chunk.epoch = plan.epoch;
  chunk.env = plan.env;
  chunk.seq = plan.seq;
  chunk.first_step = plan.first_step;
  chunk.round = plan.round;
  chunk.rows = plan.rows;
  chunk.last_of_round = plan.last_of_round;
  for (uint32_t i = 0; plan.rows > 0 && i <= plan.rows; ++i) {
    const float value = ObsValue(plan.actor, plan.env, plan.first_step + i);
    for (int j = 0; j < spec.obs_dim; ++j) {
      chunk.observations.push_back(value + static_cast<float>(j) / 8.0f);
    }
  }
  for (uint32_t i = 0; i < plan.rows; ++i) {
    const float step = static_cast<float>(plan.first_step + i);
    for (int j = 0; j < spec.action_dim; ++j) {
      chunk.actions.push_back(-step - static_cast<float>(j));
    }
    for (int j = 0; j < spec.extra_dim; ++j) {
      chunk.extra.push_back(2.0f * step + static_cast<float>(j));
    }
    const bool last = i + 1 == plan.rows;
    chunk.rewards.push_back(step);
    chunk.terminated.push_back(last && plan.terminated ? 1 : 0);
    chunk.truncated.push_back(last && plan.truncated ? 1 : 0);
    chunk.policy_version.push_back(static_cast<uint32_t>(plan.first_step) + i);
  }
  return chunk;
}

// Every byte that a learner can read from the batch.
inline std::string BatchBytes(Minibatch* batch) {
  std::string bytes;
  const auto add = [&](const void* column, int values, size_t value_bytes) {
    bytes.append(static_cast<const char*>(column), static_cast<size_t>(values) * value_bytes);
  };
  const auto append = [&](const void* column, int width) { add(column, batch->rows() * width, 4); };
  append(batch->obs(), batch->spec().obs_dim);
  append(batch->action(), batch->spec().action_dim);
  append(batch->reward(), 1);
  append(batch->discount(), 1);
  append(batch->next_obs(), batch->spec().obs_dim);
  append(batch->policy_version(), 1);
  if (batch->prioritized()) {
    add(batch->weight(), batch->size(), 4);
    add(batch->key(), batch->size(), sizeof(RowKey));
  }
  if (batch->sequence_rows() > 0) {
    add(batch->length(), batch->size(), 4);
    add(batch->flags(), batch->rows(), 1);
  }
  return bytes;
}

// Flips one bit of a file in place.
inline void FlipBit(const std::string& path, size_t bit) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(bit / 8));
  const char byte = static_cast<char>(file.get() ^ (1 << (bit % 8)));
  file.seekp(static_cast<std::streamoff>(bit / 8));
  file.put(byte);
}

}  // namespace pmoe
