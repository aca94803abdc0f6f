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

// Up to what makes sense: peers and files name the numbers.
uint64_t AddRows(uint64_t rows, uint64_t more) {
  constexpr uint64_t kMost = kRowsMax;
  return std::min(std::min(rows, kMost) + std::min(more, kMost), kMost);
}

}  // namespace

absl::StatusOr<uint64_t> StreamBook::Hello(const WriterHello& hello) {
  // Bounds that leave a place to each: names that nobody has cannot use them up.
  if (hello.member != 0 || hello.actor >= kWritersMax) {
    return Nonsense(kBadNumbers,
                    absl::StrCat("member ", hello.member, " actor ", hello.actor,
                                 ": a shard takes actors 0 to ", kWritersMax - 1, " of member 0"));
  }
  // Before all else that it says: an older life must not get the actor's name a bad one.
  const auto known = writers_.find({hello.member, hello.actor});
  if (known != writers_.end() && hello.epoch < known->second.epoch) {
    return Fenced(absl::StrCat("actor ", hello.actor), hello.epoch, known->second.epoch);
  }
  if (hello.first_seq_held > kStepsMax) {
    return Nonsense(kBadNumbers, absl::StrCat("first_seq_held ", hello.first_seq_held,
                                              " leaves no room to count on"));
  }
  if (hello.rows_acked / kPageRows > hello.first_seq_held) {
    return Nonsense(kBadNumbers, absl::StrCat("rows_acked ", hello.rows_acked, " are more than ",
                                              hello.first_seq_held, " chunks can hold"));
  }
  Meet(hello.member, hello.actor, hello.epoch);
  Writer& writer = writers_.at({hello.member, hello.actor});
  if (hello.epoch > writer.epoch) BeginLife(&writer, hello.epoch);
  if (hello.first_seq_held > writer.next_seq) {
    uint64_t steps = 0;  // that came, or were seen to be missing
    for (const auto& [env, next_step] : writer.next_step) steps += next_step;
    const uint64_t entered = steps - std::min(steps, writer.lost_seen + writer.refused_seen);
    if (hello.rows_acked > entered) writer.lost_said = hello.rows_acked - entered;
  }
  writer.next_seq = std::max(writer.next_seq, hello.first_seq_held);
  return writer.next_seq;
}

void StreamBook::BeginLife(Writer* writer, uint32_t epoch) {
  lost_before_ = AddRows(lost_before_, writer->lost());
  *writer = Writer{.epoch = epoch};
}

uint64_t StreamBook::rows_lost() const {
  uint64_t rows = lost_before_;
  for (const auto& [key, writer] : writers_) rows = AddRows(rows, writer.lost());
  return rows;
}

void StreamBook::Meet(uint32_t member, uint32_t actor, uint32_t epoch) {
  writers_.try_emplace({member, actor}, Writer{.epoch = epoch});
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

StreamBook::Writer& StreamBook::Count(const Chunk& chunk) {
  Writer& writer =
      writers_.try_emplace({chunk.member, chunk.actor}, Writer{.epoch = chunk.epoch}).first->second;
  if (chunk.epoch > writer.epoch) BeginLife(&writer, chunk.epoch);
  // A round's chunks come in the order of their rows, not of their numbers.
  writer.next_seq = std::max(writer.next_seq, chunk.seq + 1);
  return writer;
}

void StreamBook::Refuse(const Chunk& chunk) {
  Count(chunk).refused_ahead += std::min<uint64_t>(chunk.rows, kPageRows);
}

// Which of the steps were refused nobody can be believed: as many as were.
void StreamBook::CountGap(uint64_t steps, Writer* writer) {
  const uint64_t refused = std::min(steps, writer->refused_ahead);
  writer->refused_ahead -= refused;
  writer->refused_seen += refused;
  writer->lost_seen += steps - refused;
}

void StreamBook::Record(const Chunk& chunk) {
  Writer& writer = Count(chunk);
  if (chunk.rows == 0) return;
  uint64_t& next_step = writer.next_step[chunk.env];
  if (chunk.first_step > next_step) CountGap(chunk.first_step - next_step, &writer);
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

void StreamBook::SaveLosses(ByteWriter* out) const {
  out->Pod(lost_before_);
  for (const auto& [key, writer] : writers_) {
    if (writer.lost() == 0 && writer.refused_ahead == 0 && writer.refused_seen == 0) continue;
    out->Pod(key.first);
    out->Pod(key.second);
    out->Pod(writer.lost_said);
    out->Pod(writer.lost_seen);
    out->Pod(writer.refused_seen);
    out->Pod(writer.refused_ahead);
  }
}

absl::Status StreamBook::LoadLosses(absl::string_view bytes) {
  ByteReader in(bytes);
  in.Pod(&lost_before_);
  while (in.ok() && in.remaining() > 0) {
    ActorKey key;
    Writer lost;
    in.Pod(&key.first);
    in.Pod(&key.second);
    in.Pod(&lost.lost_said);
    in.Pod(&lost.lost_seen);
    in.Pod(&lost.refused_seen);
    in.Pod(&lost.refused_ahead);
    const auto writer = writers_.find(key);
    if (writer == writers_.end()) return absl::DataLossError("a loss is of no writer");
    writer->second.lost_said = lost.lost_said;
    writer->second.lost_seen = lost.lost_seen;
    writer->second.refused_seen = lost.refused_seen;
    writer->second.refused_ahead = lost.refused_ahead;
  }
  return in.Finish("the writers' losses");
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
  writers_[{member, actor}] = Writer{.epoch = epoch, .next_seq = next_seq};
}

void StreamBook::RestoreStep(uint32_t member, uint32_t actor, uint32_t env, uint64_t next_step) {
  writers_[{member, actor}].next_step.try_emplace(env, next_step);
}

}  // namespace pmoe
