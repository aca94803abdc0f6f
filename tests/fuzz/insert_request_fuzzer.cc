// Feeds what an actor sends: hello and chunks, to a staging shard and to an inserting one. The
// checksums would stop nearly every chunk at the door, so that each is also taken with its own made
// right.
#include <cstdint>
#include <memory>

#include "common/base/finite.h"
#include "proto/replay.pb.h"
#include "replay/core/replay_shard.h"
#include "replay/wire/chunk_codec.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1, .extra_dim = 1};
constexpr std::chrono::milliseconds kNow{0};

std::unique_ptr<ReplayShard> MakeShard() {
  ReplayShardOptions options;
  options.spec = kSpec;
  options.table.capacity = 512;
  options.table.n_step = 2;
  options.stage.actors = 2;
  auto shard = ReplayShard::Create(options);
  if (!shard.ok()) __builtin_trap();
  return *std::move(shard);
}

// What decodes must encode to the same checksum.
void CheckChunk(const InsertHello& hello, ChunkMessage message, ReplayShard* staging,
                ReplayShard* inserting) {
  (void)DecodeChunk(hello, message);
  message.set_crc32c(ChunkCrc(hello, message));
  const auto chunk = DecodeChunk(hello, message);
  if (!chunk.ok()) return;
  ChunkMessage again;
  EncodeChunk(*chunk, &again);
  if (again.crc32c() != message.crc32c()) __builtin_trap();
  (void)staging->Stage(*chunk);
  (void)staging->Commit(staging->next_round());
  const int64_t before = inserting->inserted();
  const absl::Status entered = inserting->Insert(*chunk, kNow);
  const bool inserted = entered.ok();
  // A writer goes on behind what was refused.
  if (absl::IsInvalidArgument(entered)) {
    (void)inserting->Refuse({chunk->member, chunk->actor, chunk->epoch, chunk->seq, chunk->rows});
  }
  if (inserting->inserted() != before + (inserted ? chunk->rows : 0)) __builtin_trap();
  // Once is enough for ever.
  if (inserted && !absl::IsAlreadyExists(inserting->Insert(*chunk, kNow))) __builtin_trap();
}

// Whatever was sent, a learner gets numbers.
void CheckBatch(ReplayShard* shard, Minibatch* batch) {
  if (!shard->Sample(batch).ok()) return;
  const size_t rows = static_cast<size_t>(batch->size());
  if (!AllFinite({batch->obs(), rows}) || !AllFinite({batch->action(), rows}) ||
      !AllFinite({batch->next_obs(), rows})) {
    __builtin_trap();
  }
  for (size_t i = 0; i < rows; ++i) {
    if (batch->policy_version()[i] > kVersionMax) __builtin_trap();
  }
}

}  // namespace
}  // namespace pmoe

// The input: messages, each after its length in one byte.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto staging = pmoe::MakeShard();
  const auto inserting = pmoe::MakeShard();
  pmoe::Minibatch batch(pmoe::kSpec, 4);
  pmoe::InsertHello hello;
  for (size_t at = 0; at < size;) {
    const size_t length = std::min<size_t>(data[at], size - at - 1);
    pmoe::InsertRequest request;
    const bool parsed = request.ParseFromArray(data + at + 1, static_cast<int>(length));
    at += 1 + length;
    if (!parsed) continue;
    if (request.has_hello()) {
      hello = request.hello();
      const pmoe::WriterHello writer{hello.member(), hello.actor(), hello.epoch(),
                                     hello.first_seq_held()};
      (void)staging->ResumeStage(writer);
      (void)inserting->ResumeInsert(writer);
    }
    for (const auto& message : request.chunks()) {
      pmoe::CheckChunk(hello, message, staging.get(), inserting.get());
    }
    pmoe::CheckBatch(staging.get(), &batch);
    pmoe::CheckBatch(inserting.get(), &batch);
  }
  return 0;
}
