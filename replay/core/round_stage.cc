#include "replay/core/round_stage.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

std::string Name(const Chunk& chunk) {
  return absl::StrCat("chunk of actor ", chunk.actor, " env ", chunk.env, " seq ", chunk.seq,
                      " round ", chunk.round);
}

auto Order(const Chunk& chunk) {
  return std::make_tuple(chunk.member, chunk.actor, chunk.env, chunk.first_step);
}

}  // namespace

absl::Status RoundStageOptions::Validate() const {
  if (actors < 1 || actors > static_cast<int>(StreamBook::kWritersMax)) {
    return absl::InvalidArgumentError(absl::StrCat("actor.count must be in [1, ",
                                                   StreamBook::kWritersMax, "], got ", actors,
                                                   "; a round needs somebody to end it"));
  }
  if (first_round > kRoundsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("first_round must be <= ", kRoundsMax, ", got ", first_round));
  }
  if (rows_max < kPageRows) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stage rows_max must be >= ", kPageRows, ", got ", rows_max, "; it must hold two rounds"));
  }
  return absl::OkStatus();
}

RoundStage::RoundStage(const RoundStageOptions& options)
    : options_(options),
      next_round_(options.first_round),
      actors_(static_cast<size_t>(options.actors)) {
  for (ActorState& actor : actors_) actor.round = options.first_round;
}

absl::Status RoundStage::CheckWriter(uint32_t member, uint32_t actor, uint32_t epoch,
                                     const StreamBook& book) const {
  if (member != 0 || actor >= actors_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("member ", member, " actor ", actor,
                                                   ": the run has actors 0 to ", actors_.size() - 1,
                                                   " of member 0"));
  }
  const StreamBook::Writer* const known = book.Find(member, actor);
  if (known == nullptr || epoch == known->epoch) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("actor ", actor, " is of epoch ", epoch,
                                                    ", but the run began with epoch ", known->epoch,
                                                    "; an actor lost in lockstep ends the run"));
}

uint64_t RoundStage::NextSeq(uint32_t actor, const StreamBook& book) const {
  const StreamBook::Writer* const known = book.Find(/*member=*/0, actor);
  return (known == nullptr ? 0 : known->next_seq) + actors_[actor].staged;
}

absl::StatusOr<uint64_t> RoundStage::Hello(const WriterHello& hello, const StreamBook& book) const {
  PMOE_RETURN_IF_ERROR(CheckWriter(hello.member, hello.actor, hello.epoch, book));
  const uint64_t next_seq = NextSeq(hello.actor, book);
  if (hello.first_seq_held <= next_seq) return next_seq;
  return absl::FailedPreconditionError(
      absl::StrCat("actor ", hello.actor, " holds its chunks from seq ", hello.first_seq_held,
                   " on, but seq ", next_seq, " is needed; a chunk lost in lockstep ends the run"));
}

absl::Status RoundStage::Check(const Chunk& chunk, const StreamBook& book) const {
  PMOE_RETURN_IF_ERROR(CheckWriter(chunk.member, chunk.actor, chunk.epoch, book));
  const ActorState& actor = actors_[chunk.actor];
  const uint64_t next_seq = NextSeq(chunk.actor, book);
  if (chunk.seq < next_seq) {
    return absl::AlreadyExistsError(absl::StrCat(Name(chunk), " came before"));
  }
  if (chunk.seq > next_seq) {
    return absl::FailedPreconditionError(
        absl::StrCat(Name(chunk), ": seq ", next_seq, " must come first; a chunk was lost"));
  }
  if (chunk.round != actor.round) {
    return absl::FailedPreconditionError(
        absl::StrCat(Name(chunk), ": this actor is in round ", actor.round));
  }
  if (chunk.round > next_round_ && (chunk.round > next_round_ + 1 || !Complete(next_round_))) {
    return absl::FailedPreconditionError(
        absl::StrCat(Name(chunk), " is too early: round ", next_round_,
                     Complete(next_round_) ? " is not committed" : " is not wholly staged"));
  }
  if (rows_ + chunk.rows > options_.rows_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat(Name(chunk), ": ", rows_, " rows are staged and at most ", options_.rows_max,
                     " may be; make rounds shorter"));
  }
  return absl::OkStatus();
}

absl::Status RoundStage::Add(Chunk chunk, StreamBook* book) {
  PMOE_RETURN_IF_ERROR(Check(chunk, *book));
  book->Meet(chunk.member, chunk.actor, chunk.epoch);
  ActorState& actor = actors_[chunk.actor];
  ++actor.staged;
  if (chunk.last_of_round) ++actor.round;
  rows_ += chunk.rows;
  staged_[chunk.round].push_back(std::move(chunk));
  return absl::OkStatus();
}

bool RoundStage::Complete(uint64_t round) const {
  return std::all_of(actors_.begin(), actors_.end(),
                     [round](const ActorState& actor) { return actor.round > round; });
}

const Chunk* RoundStage::FindNewer(uint64_t round, uint32_t version) const {
  const auto chunks = staged_.find(round);
  if (chunks == staged_.end()) return nullptr;
  for (const Chunk& chunk : chunks->second) {
    for (const uint32_t of_row : chunk.policy_version) {
      if (of_row > version) return &chunk;
    }
  }
  return nullptr;
}

std::string RoundStage::Missing(uint64_t round) const {
  std::vector<size_t> missing;
  for (size_t i = 0; i < actors_.size(); ++i) {
    if (actors_[i].round <= round) missing.push_back(i);
  }
  return absl::StrCat(missing.size() == 1 ? "actor " : "actors ", absl::StrJoin(missing, ", "));
}

absl::Status RoundStage::CheckOpen(uint64_t round) const {
  if (round == next_round_ || round == next_round_ + 1) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("round ", round, " is not open; the next to be committed is ", next_round_));
}

absl::StatusOr<std::vector<Chunk>> RoundStage::Take(uint64_t round) {
  if (round != next_round_) {
    return absl::FailedPreconditionError(
        absl::StrCat("round ", round, " cannot be committed; the next is ", next_round_));
  }
  if (!Complete(round)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "round ", round, " cannot be committed: ", Missing(round), " did not end it; wait first"));
  }
  std::vector<Chunk> chunks = std::move(staged_[round]);
  staged_.erase(round);
  ++next_round_;
  for (const Chunk& chunk : chunks) {
    rows_ -= chunk.rows;
    --actors_[chunk.actor].staged;
  }
  std::sort(chunks.begin(), chunks.end(),
            [](const Chunk& a, const Chunk& b) { return Order(a) < Order(b); });
  return chunks;
}

void RoundStage::SaveState(const StreamBook& book, ByteWriter* out) const {
  out->Pod(next_round_);
  out->Pod(static_cast<uint64_t>(actors_.size()));
  for (uint32_t i = 0; i < actors_.size(); ++i) {
    const StreamBook::Writer* const known = book.Find(/*member=*/0, i);
    out->Pod(known == nullptr ? uint32_t{0} : known->epoch);
    out->Pod(known == nullptr ? uint64_t{0} : known->next_seq);
    out->Pod(next_round_);
    out->Pod(static_cast<uint8_t>(known != nullptr));
  }
  out->Pod(uint64_t{0});  // staged chunks, of which older files could hold some
}

absl::Status RoundStage::LoadState(ByteReader* in, StreamBook* book) {
  RoundStage loaded(options_);
  uint64_t actors = 0;
  uint64_t staged = 0;
  in->Pod(&loaded.next_round_);
  in->Pod(&actors);
  // A run without rounds has no use for the stage, however many actors it has.
  if (in->ok() && actors != actors_.size() && loaded.next_round_ != options_.first_round) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the saved run has ", actors, " actors, this one ", actors_.size(), "; set actor.count"));
  }
  for (uint32_t i = 0; i < actors && in->ok(); ++i) {
    uint32_t epoch = 0;
    uint64_t next_seq = 0;
    uint64_t round = 0;
    uint8_t seen = 0;
    in->Pod(&epoch);
    in->Pod(&next_seq);
    in->Pod(&round);
    in->Pod(&seen);
    if (in->ok() && round != loaded.next_round_) {
      return absl::DataLossError(absl::StrCat("the saved stage has an actor in round ", round,
                                              " before round ", loaded.next_round_,
                                              " is committed"));
    }
    if (i < loaded.actors_.size()) loaded.actors_[i].round = round;
    if (in->ok() && seen != 0) book->RestoreSeq(/*member=*/0, i, epoch, next_seq);
  }
  in->Pod(&staged);
  if (!in->ok()) return absl::DataLossError("the staged rounds are truncated");
  if (staged != 0) {
    return absl::DataLossError(
        absl::StrCat("the saved stage holds ", staged, " chunks of a round that is not committed"));
  }
  *this = std::move(loaded);
  return absl::OkStatus();
}

}  // namespace pmoe
