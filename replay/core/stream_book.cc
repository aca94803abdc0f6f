#include "replay/core/stream_book.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "replay/core/nonsense.h"

namespace pmoe {
namespace {

absl::Status Fenced(absl::string_view who, uint32_t epoch, uint32_t newest) {
  return absl::FailedPreconditionError(absl::StrCat(who, " is of epoch ", epoch, ", but epoch ",
                                                    newest,
                                                    " has taken this actor's place; it must stop"));
}

// Made for errors only: a chunk that is fine costs no string.
std::string SeqName(const Chunk& chunk) {
  return absl::StrCat("chunk of actor ", chunk.actor, " seq ", chunk.seq);
}

std::string StepName(const Chunk& chunk) {
  return absl::StrCat("actor ", chunk.actor, " env ", chunk.env, " step ", chunk.first_step);
}

}  // namespace

absl::StatusOr<uint64_t> StreamBook::Hello(const WriterHello& hello) {
  if (hello.first_seq_held > kStepsMax) {
    return Nonsense(kBadNumbers, absl::StrCat("first_seq_held ", hello.first_seq_held,
                                              " leaves no room to count on"));
  }
  // Bounds that leave a place to each: names that nobody has cannot use them up.
  if (hello.member != 0 || hello.actor >= kWritersMax) {
    return Nonsense(kBadNumbers,
                    absl::StrCat("member ", hello.member, " actor ", hello.actor,
                                 ": a shard takes actors 0 to ", kWritersMax - 1, " of member 0"));
  }
  Meet(hello.member, hello.actor, hello.epoch);
  Writer& writer = writers_.at({hello.member, hello.actor});
  if (hello.epoch < writer.epoch) {
    return Fenced(absl::StrCat("actor ", hello.actor), hello.epoch, writer.epoch);
  }
  if (hello.epoch > writer.epoch) writer = Writer{hello.epoch, 0, {}};
  writer.next_seq = std::max(writer.next_seq, hello.first_seq_held);
  return writer.next_seq;
}

void StreamBook::Meet(uint32_t member, uint32_t actor, uint32_t epoch) {
  writers_.try_emplace({member, actor}, Writer{epoch, 0, {}});
}

const StreamBook::Writer* StreamBook::Find(uint32_t member, uint32_t actor) const {
  const auto found = writers_.find({member, actor});
  return found == writers_.end() ? nullptr : &found->second;
}

bool StreamBook::IsNewEpoch(uint32_t member, uint32_t actor, uint32_t epoch) const {
  const Writer* const writer = Find(member, actor);
  return writer != nullptr && epoch > writer->epoch;
}

bool StreamBook::IsSuperseded(uint32_t member, uint32_t actor, uint32_t epoch) const {
  const Writer* const writer = Find(member, actor);
  return writer != nullptr && epoch < writer->epoch;
}

absl::Status StreamBook::CheckSeq(const Chunk& chunk) const {
  const Writer* const writer = Find(chunk.member, chunk.actor);
  uint64_t next_seq = 0;
  if (writer != nullptr) {
    if (chunk.epoch < writer->epoch) return Fenced(SeqName(chunk), chunk.epoch, writer->epoch);
    if (chunk.epoch == writer->epoch) next_seq = writer->next_seq;
  }
  if (chunk.seq == next_seq) return absl::OkStatus();
  if (chunk.seq < next_seq) return absl::AlreadyExistsError(SeqName(chunk) + " came before");
  return absl::FailedPreconditionError(absl::StrCat(
      SeqName(chunk), ": seq ", next_seq, " must come first; say hello to skip what is lost"));
}

absl::StatusOr<Seam> StreamBook::CheckSteps(const Chunk& chunk) const {
  const Writer* const writer = Find(chunk.member, chunk.actor);
  if (writer == nullptr) return Seam::kNewStream;
  if (chunk.epoch < writer->epoch) return Fenced(StepName(chunk), chunk.epoch, writer->epoch);
  if (chunk.epoch > writer->epoch) return Seam::kNewEpoch;
  if (chunk.rows == 0) return Seam::kContinues;
  const auto next = writer->next_step.find(chunk.env);
  if (next == writer->next_step.end()) return Seam::kNewStream;
  if (chunk.first_step == next->second) return Seam::kContinues;
  if (chunk.first_step > next->second) return Seam::kGap;
  return absl::AlreadyExistsError(absl::StrCat(
      StepName(chunk), " came before; the next step of this stream is ", next->second));
}

void StreamBook::Record(const Chunk& chunk) {
  Writer& writer =
      writers_.try_emplace({chunk.member, chunk.actor}, Writer{chunk.epoch, 0, {}}).first->second;
  if (chunk.epoch > writer.epoch) writer = Writer{chunk.epoch, 0, {}};
  // A round's chunks come in the order of their rows, not of their numbers.
  writer.next_seq = std::max(writer.next_seq, chunk.seq + 1);
  if (chunk.rows == 0) return;
  uint64_t& next_step = writer.next_step[chunk.env];
  if (chunk.first_step > next_step) {
    rows_lost_ = std::min(rows_lost_ + (chunk.first_step - next_step), uint64_t{INT64_MAX});
  }
  next_step = chunk.first_step + chunk.rows;
}

void StreamBook::SaveState(ByteWriter* out) const {
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

absl::Status StreamBook::LoadState(ByteReader* in) {
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
    writers_[key] = std::move(writer);
  }
  return in->ok() ? absl::OkStatus() : absl::DataLossError("the writers' counts are truncated");
}

void StreamBook::SaveEpochs(ByteWriter* out) const {
  out->Pod(static_cast<uint64_t>(writers_.size()));
  for (const auto& [key, writer] : writers_) {
    out->Pod(key.first);
    out->Pod(key.second);
    out->Pod(writer.epoch);
  }
}

void StreamBook::LoadEpochs(ByteReader* in) {
  uint64_t count = 0;
  in->Pod(&count);
  for (uint64_t i = 0; i < count && in->ok(); ++i) {
    ActorKey key;
    uint32_t epoch = 0;
    in->Pod(&key.first);
    in->Pod(&key.second);
    in->Pod(&epoch);
    Meet(key.first, key.second, epoch);
  }
}

void StreamBook::RestoreSeq(uint32_t member, uint32_t actor, uint32_t epoch, uint64_t next_seq) {
  writers_[{member, actor}] = Writer{epoch, next_seq, {}};
}

void StreamBook::RestoreStep(uint32_t member, uint32_t actor, uint32_t env, uint64_t next_step) {
  writers_[{member, actor}].next_step.try_emplace(env, next_step);
}

}  // namespace pmoe
