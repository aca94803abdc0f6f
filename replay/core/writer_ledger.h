// Async: what each writer has sent, so that every chunk enters the table once. A writer is one life
// (epoch) of a (member, actor); its chunks are numbered without gaps. Saved with the table, so that
// a shard that comes back knows what it has. Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "replay/core/chunk.h"

namespace pmoe {

// How a writer presents itself when it comes, and when it comes back.
struct WriterHello {
  uint32_t member = 0;
  uint32_t actor = 0;
  uint32_t epoch = 0;
  uint64_t first_seq_held = 0;  // oldest chunk that it can still send; its next one if it has none
};

class WriterLedger {
 public:
  static constexpr size_t kWritersMax = 4096;

  // The seq that the writer must send next: what the ledger waits for, or the oldest chunk that the
  // writer still has if that is later (the rows between are lost). A newer epoch takes the place of
  // the older one, which is FailedPreconditionError from then on. InvalidArgumentError: a seq that
  // leaves no room to count on; ResourceExhaustedError: more than kWritersMax actors.
  absl::StatusOr<uint64_t> Hello(const WriterHello& hello);

  // OK if the chunk is its writer's next. AlreadyExistsError: it came before.
  // FailedPreconditionError: of an older epoch, or a chunk before it is missing. A writer that said
  // no hello begins with seq 0.
  absl::Status Check(const Chunk& chunk) const;
  // The chunk, which Check liked, is in the table.
  void OnInsert(const Chunk& chunk);

  // Is it a newer life than the one known? Then the older one's streams end.
  bool IsNewEpoch(uint32_t member, uint32_t actor, uint32_t epoch) const;
  // Is a newer life than it known?
  bool IsSuperseded(uint32_t member, uint32_t actor, uint32_t epoch) const;
  // The next seq of the actor's newest epoch; 0 if it is not known.
  uint64_t next_seq(uint32_t member, uint32_t actor) const;
  // Steps that are missing between the chunks of one epoch: a shard that came back from an older
  // checkpoint never gets them again. Not saved.
  uint64_t rows_lost() const { return rows_lost_; }

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  using ActorKey = std::pair<uint32_t, uint32_t>;  // (member, actor)
  struct Writer {
    uint32_t epoch = 0;
    uint64_t next_seq = 0;
    std::map<uint32_t, uint64_t> next_step;  // by env
  };

  std::map<ActorKey, Writer> writers_;
  uint64_t rows_lost_ = 0;
};

}  // namespace pmoe
