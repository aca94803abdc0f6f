// Replay for a run in one process: the four interfaces over the shard itself, which each borrows.
// What an actor's writer does, its own thread does; the rest is used by the learner's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "replay/client/batch_sampler.h"
#include "replay/client/chunk_builder.h"
#include "replay/client/replay_control.h"
#include "replay/client/rollout_source.h"
#include "replay/client/transition_writer.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

struct DirectTransitionWriterOptions {
  ChunkBuilderOptions chunks{};
  bool lockstep = true;  // chunks are staged; else entered at once, waiting for the limiter
};

// Hands an actor's chunks over. One per actor.
class DirectTransitionWriter : public TransitionWriter {
 public:
  static absl::StatusOr<std::unique_ptr<DirectTransitionWriter>> Create(
      const DirectTransitionWriterOptions& options, ReplayShard* shard);

  // Errors of ChunkBuilder and of the shard; CancelledError: the shard was cancelled so.
  absl::Status Write(uint32_t env, const Transition& transition) override;
  absl::Status EndRound(uint64_t round) override;
  absl::Status Flush() override { return chunks_.Flush(); }

  void SaveState(ByteWriter* out) const override { chunks_.SaveState(out); }
  absl::Status LoadState(ByteReader* in) override { return chunks_.LoadState(in); }

 private:
  DirectTransitionWriter(const DirectTransitionWriterOptions& options, ReplayShard* shard);
  absl::Status Send(Chunk chunk);

  const bool lockstep_;
  ReplayShard* const shard_;
  ChunkBuilder chunks_;
};

class DirectBatchSampler : public BatchSampler {
 public:
  DirectBatchSampler(ReplayShard* shard, int batch_size);

  void Expect(int64_t) override {}  // nothing is drawn ahead
  absl::StatusOr<Minibatch*> Next(std::chrono::milliseconds timeout) override;

 private:
  ReplayShard* const shard_;
  Minibatch batch_;
};

class DirectRolloutSource : public RolloutSource {
 public:
  explicit DirectRolloutSource(ReplayShard* shard) : shard_(shard) {}

  absl::StatusOr<Rollout*> Take(const RolloutRequest& request,
                                std::chrono::milliseconds timeout) override;

 private:
  ReplayShard* const shard_;
  Rollout rollout_;
};

// The shard, and a folder for its tables.
class DirectReplayControl : public ReplayControl {
 public:
  DirectReplayControl(ReplayShard* shard, std::string folder)
      : shard_(shard), folder_(std::move(folder)) {}

  absl::Status Commit(uint64_t round, std::chrono::milliseconds timeout) override;
  absl::StatusOr<ReplayStats> Stats() override;
  // <folder>/<name>.table
  absl::Status Save(absl::string_view name) override;
  absl::Status Restore(absl::string_view name) override;
  absl::Status KeepOnly(absl::string_view name) override;

 private:
  std::string File(absl::string_view name) const;

  ReplayShard* const shard_;
  const std::string folder_;
};

}  // namespace pmoe
