#include "replay/client/direct_client.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

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
      shard_(shard),
      chunks_(options.chunks, shard->spec(),
              [this](Chunk chunk) { return Send(std::move(chunk)); }) {}

absl::Status DirectTransitionWriter::Write(uint32_t env, const Transition& transition) {
  return chunks_.Add(env, transition);
}

absl::Status DirectTransitionWriter::EndRound(uint64_t round) { return chunks_.EndRound(round); }

absl::Status DirectTransitionWriter::Send(Chunk chunk) {
  return lockstep_ ? shard_->Stage(std::move(chunk)) : shard_->Insert(chunk, kRoomTimeout);
}

DirectBatchSampler::DirectBatchSampler(ReplayShard* shard, int batch_size)
    : shard_(shard), batch_(shard->spec(), batch_size) {}

absl::StatusOr<Minibatch*> DirectBatchSampler::Next(std::chrono::milliseconds timeout) {
  PMOE_RETURN_IF_ERROR(shard_->Sample(&batch_, timeout));
  return &batch_;
}

absl::StatusOr<Rollout*> DirectRolloutSource::Take(const RolloutRequest& request,
                                                   std::chrono::milliseconds timeout) {
  PMOE_RETURN_IF_ERROR(shard_->TakeRollout(request, &rollout_, timeout));
  return &rollout_;
}

std::string DirectReplayControl::File(absl::string_view name) const {
  return absl::StrCat(folder_, "/", name, ".table");
}

absl::Status DirectReplayControl::Commit(uint64_t round, std::chrono::milliseconds timeout) {
  PMOE_RETURN_IF_ERROR(shard_->WaitStaged(round, timeout));
  return shard_->Commit(round);
}

absl::StatusOr<ReplayStats> DirectReplayControl::Stats() {
  const ShardCounts counts = shard_->Counts();
  return ReplayStats{counts.size, counts.inserted, shard_->Explain()};
}

absl::Status DirectReplayControl::Save(absl::string_view name) { return shard_->Save(File(name)); }

absl::Status DirectReplayControl::Restore(absl::string_view name) {
  return shard_->Load(File(name));
}

absl::Status DirectReplayControl::KeepOnly(absl::string_view name) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() == ".table" && entry.path() != File(name)) {
      fs::remove(entry.path(), error);
    }
  }
  return absl::OkStatus();
}

}  // namespace pmoe
