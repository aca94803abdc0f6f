// Feeds what a learner asks of a shard: the table that it wants, then samples, priorities,
// rollouts, rounds and cuts, beside a writer whose rows are sound. The input: messages, each after
// a byte for its kind and one for its length.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "proto/replay.pb.h"
#include "replay/core/replay_shard.h"
#include "replay/core/sequence.h"
#include "replay/core/size_warnings.h"
#include "replay/wire/priorities_codec.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kNow{0};
constexpr int kWidthMax = 8;     // wider columns are only more of the same
constexpr int kRowsOfBatch = 4;  // and so are longer batches, which their callers bound
constexpr uint32_t kSequenceRowsMax = 7;

class Session {
 public:
  void Take(uint8_t kind, const uint8_t* data, int size) {
    if (shard_ == nullptr) return Create(data, size);
    Write();
    switch (kind % 5) {
      case 0:
        return Sample(data, size);
      case 1:
        return TakeRollout(data, size);
      case 2:
        return Commit(data, size);
      case 3:
        return Cut(data, size);
      default:
        return UpdatePriorities(data, size);
    }
  }

 private:
  void Create(const uint8_t* data, int size) {
    CreateTableRequest request;
    if (!request.ParseFromArray(data, size)) return;
    const ReplayShardOptions options = ShardOptions(request);
    auto shard = ReplayShard::Create(options);
    if (!shard.ok()) return;
    (void)FullSize(options);
    const TableSpec& spec = options.spec;
    if (spec.obs_dim > kWidthMax || spec.action_dim > kWidthMax || spec.extra_dim > kWidthMax) {
      return;
    }
    shard_ = *std::move(shard);
    if (request.has_newest_version()) shard_->SetPublished(request.newest_version(), true);
  }

  void Write() {
    Chunk chunk;
    const TableSpec& spec = shard_->spec();
    chunk.rows = 2;
    chunk.seq = seq_++;
    chunk.first_step = 2 * chunk.seq;
    chunk.observations.assign(3 * static_cast<size_t>(spec.obs_dim), 0.0f);
    chunk.actions.assign(2 * static_cast<size_t>(spec.action_dim), 0.0f);
    chunk.extra.assign(2 * static_cast<size_t>(spec.extra_dim), 0.0f);
    chunk.rewards.assign(2, 0.0f);
    chunk.terminated.assign(2, 0);
    chunk.truncated.assign(2, 0);
    chunk.policy_version.assign(2, 0);
    (void)shard_->Insert(chunk, kNow);
  }

  void Sample(const uint8_t* data, int size) {
    SampleRequest request;
    if (!request.ParseFromArray(data, size)) return;
    shard_->SetPublished(request.newest_version(), false);
    shard_->SetInsertBound(request.insert_bound());
    const auto sequence_rows =
        static_cast<int>(std::min<uint32_t>(request.sequence_rows(), kSequenceRowsMax));
    Minibatch batch(shard_->spec(), {kRowsOfBatch, sequence_rows, shard_->prioritized()});
    if (!shard_->Sample(&batch, kNow).ok()) return;
    // What the shard gives its learner lets in.
    if (sequence_rows > 0 && !CheckSequences(batch, 0, kRowsOfBatch).ok()) __builtin_trap();
    if (!batch.prioritized()) return;
    const std::vector<float> errors(kRowsOfBatch, 2.0f);
    (void)shard_->UpdatePriorities({batch.key(), errors.size()}, errors);
  }

  void UpdatePriorities(const uint8_t* data, int size) {
    UpdatePrioritiesRequest request;
    if (!request.ParseFromArray(data, size)) return;
    const absl::StatusOr<std::vector<RowKey>> rows = RowKeysOf(request);
    if (rows.ok()) (void)shard_->UpdatePriorities(*rows, request.errors());
  }

  void TakeRollout(const uint8_t* data, int size) {
    TakeRolloutRequest request;
    if (!request.ParseFromArray(data, size)) return;
    shard_->SetPublished(request.newest_version(), true);
    const RolloutTicket ticket{request.learner().learner_epoch(), request.rollout_id()};
    const RolloutRequest rows{request.steps(), request.version_min(), request.version_max()};
    const auto rollout = shard_->TakeRollout(ticket, rows, kNow);
    if (!rollout.ok()) return;
    if (!ValidateRollout(**rollout).ok()) __builtin_trap();
    // What a ticket has got it gets again.
    const auto again = shard_->TakeRollout(ticket, rows, kNow);
    if (!again.ok() || *again != *rollout) __builtin_trap();
  }

  void Commit(const uint8_t* data, int size) {
    CommitRequest request;
    if (!request.ParseFromArray(data, size)) return;
    (void)shard_->WaitStaged(request.round(), kNow);
    (void)shard_->Commit(request.round());
  }

  void Cut(const uint8_t* data, int size) {
    CutActorRequest request;
    if (!request.ParseFromArray(data, size)) return;
    shard_->CutActor(request.member(), request.actor(), request.epoch());
  }

  std::unique_ptr<ReplayShard> shard_;
  uint64_t seq_ = 0;
};

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pmoe::Session session;
  for (size_t at = 0; at + 1 < size;) {
    const uint8_t kind = data[at];
    const size_t length = std::min<size_t>(data[at + 1], size - at - 2);
    session.Take(kind, data + at + 2, static_cast<int>(length));
    at += 2 + length;
  }
  return 0;
}
