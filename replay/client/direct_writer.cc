#include "replay/client/direct_writer.h"

#include <utility>

#include "common/base/status_macros.h"

namespace pmoe {
namespace {
// A limiter that gives no room for so long has lost its other side.
constexpr std::chrono::seconds kRoomTimeout(600);
}  // namespace

absl::StatusOr<std::unique_ptr<DirectTransitionWriter>> DirectTransitionWriter::Create(
    const DirectTransitionWriterOptions& options, ReplayShard* shard) {
  PMOE_RETURN_IF_ERROR(options.chunks.Validate());
  if (!options.lockstep) {
    const ChunkBuilderOptions& writer = options.chunks;
    PMOE_RETURN_IF_ERROR(
        shard->ResumeInsert({writer.member, writer.actor, writer.epoch, 0}).status());
  }
  return std::unique_ptr<DirectTransitionWriter>(new DirectTransitionWriter(options, shard));
}

DirectTransitionWriter::DirectTransitionWriter(const DirectTransitionWriterOptions& options,
                                               ReplayShard* shard)
    : lockstep_(options.lockstep),
      on_wait_(options.on_wait),
      shard_(shard),
      chunks_(options.chunks, shard->spec(),
              [this](Chunk chunk) { return Send(std::move(chunk)); }) {}

absl::Status DirectTransitionWriter::Write(uint32_t env, const Transition& transition) {
  return chunks_.Add(env, transition);
}

absl::Status DirectTransitionWriter::EndRound(uint64_t round) { return chunks_.EndRound(round); }

absl::Status DirectTransitionWriter::Send(Chunk chunk) {
  if (cancelled_) return absl::CancelledError("this actor shall end");
  if (lockstep_) return shard_->Stage(std::move(chunk));
  return shard_->Insert(chunk, {kRoomTimeout, [this] { return cancelled_.load(); }, on_wait_});
}

}  // namespace pmoe
