// Lockstep: holds the chunks of a round until every actor has marked its last one, then gives them
// out in (member, actor, env, step) order, so that the order of arrival leaves no trace in the
// table. At most two rounds are open: the one to be committed next and the one after it (lag 1).
// What is saved is the last commit, as the StreamBook has it: a run that goes on from it makes its
// open rounds again. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "replay/core/chunk.h"
#include "replay/core/stream_book.h"

namespace pmoe {

inline constexpr uint64_t kFirstRound = 1;  // of a run
inline constexpr uint64_t kRoundsMax = uint64_t{1} << 48;

struct RoundStageOptions {
  int actors = 1;              // actor indices 0 … actors - 1 make a round
  uint64_t first_round = 0;    // number of the run's first round
  int64_t rows_max = 1 << 22;  // staged at most, so that a lost commit cannot fill the memory

  absl::Status Validate() const;
};

class RoundStage {
 public:
  explicit RoundStage(const RoundStageOptions& options);

  // Takes a valid chunk. `book` knows the chunks of the rounds committed, and now the actor.
  // AlreadyExistsError: this (actor, epoch, seq) came before. FailedPreconditionError: a seq or
  // round that is not the actor's next, or another epoch than the run began with. On error nothing
  // changes.
  absl::Status Add(Chunk chunk, StreamBook* book);

  // The seq that a writer must send next. FailedPreconditionError: of another epoch than the run
  // began with, or without a chunk that the stage still needs.
  absl::StatusOr<uint64_t> Hello(const WriterHello& hello, const StreamBook& book) const;

  // Has every actor marked its last chunk of `round`?
  bool Complete(uint64_t round) const;
  // A chunk of `round` with a row of a newer policy than `version`; null: there is none.
  const Chunk* FindNewer(uint64_t round, uint32_t version) const;
  // "actors 0, 3" that have not, for messages.
  std::string Missing(uint64_t round) const;
  // OK if `round` is one that can be waited for: the next or the one after it.
  absl::Status CheckOpen(uint64_t round) const;
  // The chunks of the next round, which must be complete, in order; markers among them.
  absl::StatusOr<std::vector<Chunk>> Take(uint64_t round);

  uint64_t next_round() const { return next_round_; }
  int64_t rows() const { return rows_; }

  // As it was after the last Take, without what is staged.
  void SaveState(const StreamBook& book, ByteWriter* out) const;
  // DataLossError for bytes that SaveState did not write; FailedPreconditionError for another
  // number of actors.
  absl::Status LoadState(ByteReader* in, StreamBook* book);

 private:
  struct ActorState {
    uint64_t round = 0;   // the one its next chunk must belong to
    uint64_t staged = 0;  // chunks, of both rounds
  };

  absl::Status CheckWriter(uint32_t member, uint32_t actor, uint32_t epoch,
                           const StreamBook& book) const;
  absl::Status Check(const Chunk& chunk, const StreamBook& book) const;
  uint64_t NextSeq(uint32_t actor, const StreamBook& book) const;

  RoundStageOptions options_;
  uint64_t next_round_;
  int64_t rows_ = 0;
  std::vector<ActorState> actors_;                 // by index
  std::map<uint64_t, std::vector<Chunk>> staged_;  // by round
};

}  // namespace pmoe
