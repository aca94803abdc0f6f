// The TransitionWriter of a run in one process: hands chunks to the shard itself. One per actor,
// used by that actor's thread only; borrows the shard.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "replay/client/chunk_builder.h"
#include "replay/client/transition_writer.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

struct DirectTransitionWriterOptions {
  ChunkBuilderOptions chunks{};
  bool lockstep = true;  // chunks are staged; else entered at once, waiting for the limiter
  OnWait on_wait{};
};

class DirectTransitionWriter : public TransitionWriter {
 public:
  static absl::StatusOr<std::unique_ptr<DirectTransitionWriter>> Create(
      const DirectTransitionWriterOptions& options, ReplayShard* shard);

  // Errors of ChunkBuilder and of the shard; CancelledError: this or the shard was cancelled.
  absl::Status Write(uint32_t env, const Transition& transition) override;
  absl::Status EndRound(uint64_t round) override;
  absl::Status Flush() override { return chunks_.Flush(); }
  void Cancel() override { cancelled_ = true; }

  void SaveState(ByteWriter* out) const override { chunks_.SaveState(out); }
  absl::Status LoadState(ByteReader* in) override { return chunks_.LoadState(in); }
  bool AbandonEpisode(uint32_t env) override { return chunks_.AbandonEpisode(env); }

 private:
  DirectTransitionWriter(const DirectTransitionWriterOptions& options, ReplayShard* shard);
  absl::Status Send(Chunk chunk);

  const bool lockstep_;
  const OnWait on_wait_;
  ReplayShard* const shard_;
  ChunkBuilder chunks_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace pmoe
