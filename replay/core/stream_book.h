// Who writes, and what comes next: for each writer (one life, or epoch, of a (member, actor)) the
// number of its next chunk, and for each of its environments the number of the next step. The one
// place that tells a new row from one that came before, from one after a gap, and from one of a
// life that is over. Saved with the rows, so that a shard that comes back knows what it has.
// Thread-compatible.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/bytes.h"
#include "replay/core/chunk.h"

namespace pmoe {

// How a writer presents itself when it comes, and when it comes back.
struct WriterHello {
  uint32_t member = 0;
  uint32_t actor = 0;
  uint32_t epoch = 0;
  uint64_t first_seq_held = 0;  // oldest chunk that it can still send; its next one if it has none
  uint64_t rows_acked = 0;      // of the chunks before that one; 0: it does not say
};

// How a chunk joins the rows of its stream.
enum class Seam {
  kNewStream,  // the first rows of an environment
  kContinues,  // the next step
  kGap,        // steps between are missing
  kNewEpoch,   // the actor's first rows in a newer life: its older streams are over
};

class StreamBook {
 public:
  static constexpr size_t kWritersMax = 4096;
  // Actor index, of member 0, epoch 0 and env 0, of the rows that came from files. It says no
  // hello; the shard gives its numbers.
  static constexpr uint32_t kLoader = UINT32_MAX;
  struct Writer {
    uint32_t epoch = 0;
    uint64_t next_seq = 0;                     // chunk
    std::map<uint32_t, uint64_t> next_step{};  // by env
    uint64_t lost_said = 0;     // rows acknowledged and not here, by the writer's last hello
    uint64_t lost_seen = 0;     // steps missing between its chunks, but for those that were refused
    uint64_t refused_seen = 0;  // the others
    uint64_t refused_ahead = 0;  // rows of refused chunks whose steps are not missed yet
    uint64_t lost() const { return std::max(lost_said, lost_seen); }
  };

  // The seq that the writer must send next: what the book waits for, or the oldest chunk that the
  // writer still has if that is later (the rows between are lost). A newer epoch takes the place of
  // the older one, which is FailedPreconditionError from then on. Nonsense: a seq that leaves no
  // room to count on, more rows than its chunks can have had, or an index that no actor has.
  absl::StatusOr<uint64_t> Hello(const WriterHello& hello);
  // Writes down a writer that nobody knew, whose first chunk is held elsewhere.
  void Meet(uint32_t member, uint32_t actor, uint32_t epoch);

  // OK if the chunk is its writer's next. AlreadyExistsError: it came before.
  // FailedPreconditionError: of an older epoch, or a chunk before it is missing. A writer that said
  // no hello begins with seq 0.
  absl::Status CheckSeq(const Chunk& chunk) const;
  // How the chunk's rows join. AlreadyExistsError: its steps came before. FailedPreconditionError:
  // of an older epoch.
  absl::StatusOr<Seam> CheckSteps(const Chunk& chunk) const;
  // The chunk, which was checked, is in.
  void Record(const Chunk& chunk);
  // The chunk, of which CheckSeq was OK, is dropped, and is not counted as lost. Its rows are what
  // it says of itself, and nothing else of it is believed.
  void Refuse(const Chunk& chunk);

  // The actor's newest life; null if none came.
  const Writer* Find(uint32_t member, uint32_t actor) const;
  // Is `epoch` newer than the life known?
  bool IsNewEpoch(uint32_t member, uint32_t actor, uint32_t epoch) const;
  // Is a newer life than `epoch` known?
  bool IsSuperseded(uint32_t member, uint32_t actor, uint32_t epoch) const;
  // Rows that were acknowledged and that a shard which came back from an older state never gets
  // again: known once their writer says hello, or else by the steps missing between its chunks, but
  // for those of chunks that were refused. What a writer lost that never came back nobody knows.
  uint64_t rows_lost() const;

  void SaveState(ByteWriter* out) const;
  // Adds to what is here, as the three below do.
  absl::Status LoadState(ByteReader* in);
  // Apart, for they are not of what a table's bits depend on. Load: after LoadState.
  void SaveLosses(ByteWriter* out) const;
  absl::Status LoadLosses(absl::string_view bytes);
  // A table's file repeats epochs and steps beside the streams that they belong to.
  void SaveEpochs(ByteWriter* out) const;
  void LoadEpochs(ByteReader* in);
  void RestoreSeq(uint32_t member, uint32_t actor, uint32_t epoch, uint64_t next_seq);
  void RestoreStep(uint32_t member, uint32_t actor, uint32_t env, uint64_t next_step);

 private:
  using ActorKey = std::pair<uint32_t, uint32_t>;  // (member, actor)
  void BeginLife(Writer* writer, uint32_t epoch);
  Writer& Count(const Chunk& chunk);  // as come, without its rows
  static void CountGap(uint64_t steps, Writer* writer);

  std::map<ActorKey, Writer> writers_;
  uint64_t lost_before_ = 0;  // by lives of actors that are over
};

}  // namespace pmoe
