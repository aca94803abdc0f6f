// The rows of replay. Each (member, actor, env) is a stream of rows appended to pages of 64 rows;
// an observation is stored once, and the successor of a row is the next row of its stream. The
// newest row of a stream holds the observation whose action is still to come, so every inserted
// step can be sampled at once. The layout depends on the rows alone, never on how they were cut
// into chunks. Thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/rng.h"
#include "replay/core/block_file.h"
#include "replay/core/chunk.h"
#include "replay/core/minibatch.h"
#include "replay/core/page_pool.h"

namespace pmoe {

// Types of the blocks of a saved shard: one shard block, one table block, then a page block for
// each live page; on-policy then one queue block, a piece block for each run of rows that waits,
// and a rollout block.
enum ReplayBlock : uint32_t {
  kShardBlock = 1,
  kTableBlock = 2,
  kPageBlock = 3,
  kQueueBlock = 4,
  kQueuePieceBlock = 5,
  kRolloutBlock = 6,
};

struct ReplayTableOptions {
  int64_t capacity = 1'000'000;  // transitions; at least 2 * kPageRows per stream
  int64_t bytes_max = 0;         // memory of the pages; 0: no limit
  int n_step = 1;                // rewards summed per sampled transition, at most kPageRows
  double gamma = 0.99;           // per step

  absl::Status Validate() const;
};

// A transition in the table, and what its writer called it.
struct StoredStep {
  uint32_t member = 0, actor = 0, epoch = 0, env = 0;
  uint64_t step = 0;
  Transition transition{};  // borrowed from the table
};

class ReplayTable {
 public:
  static absl::StatusOr<ReplayTable> Create(const TableSpec& spec,
                                            const ReplayTableOptions& options);
  // The table of a saved shard, with the columns and the n_step that the file names: for reading.
  static absl::StatusOr<ReplayTable> FromFile(const std::string& path);

  // Enters a chunk, evicting the oldest closed pages (by order of opening) while there are too many
  // transitions or bytes. A gap in the steps or a newer epoch cuts the stream. On error nothing
  // changes: InvalidArgumentError for a bad chunk or one whose first observation is not the
  // stream's head, AlreadyExistsError for steps that came before, FailedPreconditionError for an
  // older epoch, ResourceExhaustedError for a stream too many.
  absl::Status Append(const Chunk& chunk);
  // Ends the actor's streams where they are and closes their pages. Its epoch stays fenced.
  void CutActor(uint32_t member, uint32_t actor);

  // Fills the batch with eligible rows drawn uniformly, with replacement. FailedPreconditionError
  // while there is none.
  absl::Status Sample(Rng* rng, Minibatch* batch) const;

  // Every transition held: by (member, actor, env), each stream in its order.
  void VisitSteps(const std::function<void(const StoredStep&)>& visit) const;

  int64_t size() const { return size_; }          // transitions held
  int64_t eligible() const { return eligible_; }  // of those, with all n_step rewards known
  int64_t inserted() const { return inserted_; }  // transitions ever
  int64_t bytes() const { return pool_.live_pages() * pool_.page_bytes(); }
  int64_t streams() const { return static_cast<int64_t>(streams_.size()); }

  // Streams the table into `out` as blocks, and back. Load replaces *this only when all of it was
  // good.
  absl::Status Save(BlockFileWriter* out) const;
  absl::Status Load(BlockFileReader* in);

 private:
  struct StreamKey {
    uint32_t member, actor, env;
    auto operator<=>(const StreamKey&) const = default;
  };
  struct Stream {
    uint64_t next_step = 0;
    RowRef head;              // row that waits for its action; none between episodes
    uint32_t page = kNoPage;  // open page
    std::vector<RowRef>
        pending;  // the last rows, at most n_step - 1, whose rewards are not all known
  };
  using ActorKey = std::pair<uint32_t, uint32_t>;  // (member, actor)

  ReplayTable(const TableSpec& spec, const ReplayTableOptions& options);

  absl::Status CheckAppend(const Chunk& chunk, const StreamKey& key) const;
  absl::Status CheckContinues(const Chunk& chunk, const Stream& stream) const;
  absl::Status CheckRoomForStream(int64_t streams) const;
  void AppendStep(const StreamKey& key, Stream* stream, const Chunk& chunk, uint32_t i);
  RowRef NewRow(const StreamKey& key, Stream* stream, const float* obs, uint32_t flags);
  void MarkReady(Stream* stream, bool all);
  void Cut(Stream* stream);
  void ClosePage(Stream* stream);
  void EvictOldest();
  RowRef Draw(Rng* rng) const;
  void Prefetch(RowRef row) const;
  void Gather(RowRef row, int i, Minibatch* batch) const;
  RowRef Next(RowRef row) const;
  std::string SaveIndex() const;
  void VisitPage(uint32_t slot, const std::function<void(const StoredStep&)>& visit) const;
  static absl::StatusOr<absl::string_view> NextIndex(BlockFileReader* in);
  absl::Status LoadFrom(absl::string_view index, BlockFileReader* in);
  absl::Status LoadIndex(absl::string_view bytes, const BlockFileReader& file);
  void LoadActors(ByteReader* in);
  void LoadStreams(ByteReader* in);
  bool LoadPage(absl::string_view payload);
  bool RowIsSound(RowRef row) const;
  bool PageIsSound(uint32_t slot) const;
  bool StreamIsSound(const StreamKey& key, const Stream& stream) const;
  bool Rebuild();

  TableSpec spec_;
  ReplayTableOptions options_;
  std::vector<double> gamma_power_;  // [n_step + 1]
  PagePool pool_;
  std::map<StreamKey, Stream> streams_;
  std::map<ActorKey, uint32_t> epochs_;  // newest epoch seen of each actor
  // Closed pages, oldest (smallest id) on top.
  std::priority_queue<std::pair<uint64_t, uint32_t>, std::vector<std::pair<uint64_t, uint32_t>>,
                      std::greater<>>
      closed_;
  int64_t size_ = 0;
  int64_t eligible_ = 0;
  int64_t inserted_ = 0;
};

}  // namespace pmoe
