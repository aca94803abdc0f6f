// The TransitionWriter of a run in one process: builds chunks and stages them in the shard. A chunk
// ends at 64 rows, at an episode's end or at EndRound. One per actor, used by that actor's thread
// only; borrows the shard.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "replay/client/transition_writer.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

struct DirectTransitionWriterOptions {
  uint32_t member = 0;
  uint32_t actor = 0;
  uint32_t epoch = 0;
  int envs = 1;
  uint64_t first_round = 0;  // the round of the first rows, as in RoundStageOptions

  absl::Status Validate() const;
};

class DirectTransitionWriter : public TransitionWriter {
 public:
  static absl::StatusOr<std::unique_ptr<DirectTransitionWriter>> Create(
      const DirectTransitionWriterOptions& options, ReplayShard* shard);

  // InvalidArgumentError: wrong sizes, an unknown env, or an observation that is not the successor
  // of the step before.
  absl::Status Write(uint32_t env, const Transition& transition) override;
  // Rounds come in order, from first_round on.
  absl::Status EndRound(uint64_t round) override;

  // The counters and each env's last observation. Only at a round's end, when nothing is buffered.
  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  struct EnvState {
    Chunk chunk;              // being built
    uint64_t next_step = 0;   // number of the chunk's next row
    bool in_episode = false;  // `head` must come next
    std::vector<float> head;  // [O] successor of the last step
  };

  DirectTransitionWriter(const DirectTransitionWriterOptions& options, ReplayShard* shard);
  absl::Status CheckTransition(uint32_t env, const Transition& transition) const;
  absl::Status SendBuffered(EnvState* state, bool last_of_round);
  absl::Status Send(Chunk chunk, bool last_of_round);

  const DirectTransitionWriterOptions options_;
  ReplayShard* const shard_;
  const TableSpec spec_;
  uint64_t next_seq_ = 0;
  uint64_t round_;
  std::vector<EnvState> envs_;
};

}  // namespace pmoe
