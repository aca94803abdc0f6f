// Cuts an actor's steps into numbered chunks: a chunk ends at 64 rows or fewer, at an episode's
// end, at a round's end or when it is flushed. Knows no transport. Thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "replay/core/chunk.h"

namespace pmoe {

struct ChunkBuilderOptions {
  uint32_t member = 0;
  uint32_t actor = 0;
  uint32_t epoch = 0;
  int envs = 1;
  int rows_max = kPageRows;  // of a chunk; a rollout's share of an environment may be less
  uint64_t first_round = 0;  // the round of the first rows, as in RoundStageOptions

  absl::Status Validate() const;
};

class ChunkBuilder {
 public:
  // Takes a finished chunk; an error of it ends the call that made the chunk.
  using Sink = std::function<absl::Status(Chunk)>;

  // `options` are valid.
  ChunkBuilder(const ChunkBuilderOptions& options, const TableSpec& spec, Sink sink);

  // InvalidArgumentError: wrong sizes, an unknown env, or an observation that is not the successor
  // of the step before.
  absl::Status Add(uint32_t env, const Transition& transition);
  // Sends what is buffered; the last chunk, or a bare marker, ends the round. Rounds come in order,
  // from first_round on.
  absl::Status EndRound(uint64_t round);
  // Sends what is buffered.
  absl::Status Flush();
  // Sends the chunks that were begun before the last call, so that a row waits for at most two
  // calls; chunks that fill up between two calls are left alone.
  absl::Status FlushStale();

  // The episode of `env` ends without a row that says so: the next row may begin anywhere, as after
  // a gap of one step. False: it was in none. Only when nothing is buffered.
  bool AbandonEpisode(uint32_t env);

  uint64_t next_seq() const { return next_seq_; }

  // The counters and each env's last observation. Only when nothing is buffered.
  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  struct EnvState {
    Chunk chunk;              // being built
    bool stale = false;       // since before the last FlushStale
    uint64_t next_step = 0;   // number of the chunk's first row
    bool in_episode = false;  // the head must come next
    std::vector<float> head;  // [O] successor of the last step sent
  };

  absl::Status Check(uint32_t env, const Transition& transition) const;
  // [O] successor of the last step.
  const float* Head(const EnvState& state) const;
  absl::Status SendBuffered(EnvState* state, bool last_of_round);
  absl::Status Send(Chunk chunk, bool last_of_round);

  const ChunkBuilderOptions options_;
  const TableSpec spec_;
  const Sink sink_;
  uint64_t next_seq_ = 0;
  uint64_t round_;
  std::vector<EnvState> envs_;
};

}  // namespace pmoe
