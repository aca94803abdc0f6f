#include "replay/core/writer_ledger.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr uint64_t kSeqMax = UINT64_MAX / 2;

absl::Status Fenced(const std::string& who, uint32_t epoch, uint32_t newest) {
  return absl::FailedPreconditionError(absl::StrCat(who, " is of epoch ", epoch, ", but epoch ",
                                                    newest, " has taken its place; it must stop"));
}

}  // namespace

absl::StatusOr<uint64_t> WriterLedger::Hello(const WriterHello& hello) {
  if (hello.first_seq_held > kSeqMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("first_seq_held ", hello.first_seq_held, " leaves no room to count on"));
  }
  if (writers_.size() >= kWritersMax && !writers_.contains({hello.member, hello.actor})) {
    return absl::ResourceExhaustedError(absl::StrCat("a shard takes ", kWritersMax,
                                                     " actors, and it has seen so many; use more "
                                                     "shards"));
  }
  Writer& writer =
      writers_.try_emplace({hello.member, hello.actor}, Writer{hello.epoch, 0, {}}).first->second;
  if (hello.epoch < writer.epoch) {
    return Fenced(absl::StrCat("actor ", hello.actor), hello.epoch, writer.epoch);
  }
  if (hello.epoch > writer.epoch) writer = Writer{hello.epoch, 0, {}};
  writer.next_seq = std::max(writer.next_seq, hello.first_seq_held);
  return writer.next_seq;
}

bool WriterLedger::IsNewEpoch(uint32_t member, uint32_t actor, uint32_t epoch) const {
  const auto found = writers_.find({member, actor});
  return found != writers_.end() && epoch > found->second.epoch;
}

bool WriterLedger::IsSuperseded(uint32_t member, uint32_t actor, uint32_t epoch) const {
  const auto found = writers_.find({member, actor});
  return found != writers_.end() && epoch < found->second.epoch;
}

uint64_t WriterLedger::next_seq(uint32_t member, uint32_t actor) const {
  const auto found = writers_.find({member, actor});
  return found == writers_.end() ? 0 : found->second.next_seq;
}

absl::Status WriterLedger::Check(const Chunk& chunk) const {
  const std::string name = absl::StrCat("chunk of actor ", chunk.actor, " seq ", chunk.seq);
  const auto found = writers_.find({chunk.member, chunk.actor});
  uint64_t next_seq = 0;
  if (found != writers_.end()) {
    if (chunk.epoch < found->second.epoch) return Fenced(name, chunk.epoch, found->second.epoch);
    if (chunk.epoch == found->second.epoch) next_seq = found->second.next_seq;
  }
  if (chunk.seq < next_seq) return absl::AlreadyExistsError(name + " came before");
  if (chunk.seq > next_seq) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, ": seq ", next_seq, " must come first; say hello to skip what is lost"));
  }
  return absl::OkStatus();
}

void WriterLedger::OnInsert(const Chunk& chunk) {
  Writer& writer = writers_[{chunk.member, chunk.actor}];
  if (chunk.epoch > writer.epoch) writer = Writer{chunk.epoch, 0, {}};
  writer.next_seq = chunk.seq + 1;
  if (chunk.rows == 0) return;
  uint64_t& next_step = writer.next_step[chunk.env];
  if (chunk.first_step > next_step) rows_lost_ += chunk.first_step - next_step;
  next_step = chunk.first_step + chunk.rows;
}

void WriterLedger::SaveState(ByteWriter* out) const {
  out->Pod(static_cast<uint64_t>(writers_.size()));
  for (const auto& [key, writer] : writers_) {
    out->Pod(key.first);
    out->Pod(key.second);
    out->Pod(writer.epoch);
    out->Pod(writer.next_seq);
    out->Pod(static_cast<uint64_t>(writer.next_step.size()));
    for (const auto& [env, next_step] : writer.next_step) {
      out->Pod(env);
      out->Pod(next_step);
    }
  }
}

absl::Status WriterLedger::LoadState(ByteReader* in) {
  WriterLedger loaded;
  uint64_t writers = 0;
  in->Pod(&writers);
  for (uint64_t i = 0; i < writers && in->ok(); ++i) {
    ActorKey key;
    Writer writer;
    uint64_t envs = 0;
    in->Pod(&key.first);
    in->Pod(&key.second);
    in->Pod(&writer.epoch);
    in->Pod(&writer.next_seq);
    in->Pod(&envs);
    for (uint64_t j = 0; j < envs && in->ok(); ++j) {
      uint32_t env = 0;
      uint64_t next_step = 0;
      in->Pod(&env);
      in->Pod(&next_step);
      writer.next_step[env] = next_step;
    }
    loaded.writers_[key] = std::move(writer);
  }
  if (!in->ok()) return absl::DataLossError("the writers' counts are truncated");
  *this = std::move(loaded);
  return absl::OkStatus();
}

}  // namespace pmoe
