// The rows of replay. Each (member, actor, env) is a stream of rows appended to pages of 64 rows;
// an observation is stored once, and the successor of a row is the next row of its stream. The
// newest row of a stream holds the observation whose action is still to come, so every inserted
// step can be given at once. A Selector chooses the rows that a learner gets: uniform_selector,
// prioritized_selector or age_selector for minibatches, fifo_selector for rollouts. The layout
// depends on the rows and not on their chunks.
// tidy: long because it also saves itself, piece by piece. Thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
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
#include "replay/core/replay_table_types.h"
#include "replay/core/rollout.h"
#include "replay/core/selectors/selector.h"
#include "replay/core/stream_book.h"

namespace pmoe {

class ReplayTable {
 public:
  static absl::StatusOr<ReplayTable> Create(const TableSpec& spec,
                                            const ReplayTableOptions& options);
  // The table of a saved shard, with the columns and the n_step that the file names: for reading.
  static absl::StatusOr<ReplayTable> FromFile(const std::string& path);

  // A writer comes, or comes back: StreamBook::Hello. A newer epoch ends the older one's streams.
  absl::StatusOr<uint64_t> Hello(const WriterHello& hello);
  // Enters a valid chunk, evicting the oldest closed pages (by order of opening) while there are
  // too many transitions, spent ones included, or bytes. A gap in the steps or a newer epoch cuts
  // the stream. On error nothing changes: InvalidArgumentError if the first observation is not the
  // stream's head, AlreadyExistsError for steps that came before, FailedPreconditionError for an
  // older epoch, ResourceExhaustedError for a stream too many.
  absl::Status Append(const Chunk& chunk);
  // The writer's next chunk does not enter, and counts as one that came: one that was refused at
  // the door, and one of a log that would be today. LeaveOut ends its stream, and counts its rows
  // as Load does those that it leaves out; errors as Append's.
  void Refuse(const Chunk& chunk);
  absl::Status LeaveOut(const Chunk& chunk);
  // Ends the actor's streams where they are and closes their pages. Its epoch stays fenced.
  void CutActor(uint32_t member, uint32_t actor);

  // Fills the batch with rows, or with sequences (sequence.h) where it is of those, and lets go of
  // rows that were given max_times_sampled times; of a sequence its first row alone counts.
  // FailedPreconditionError: there are not rows enough yet, or the selector gives rollouts.
  absl::Status Sample(Rng* rng, Minibatch* batch);
  // What a learner found in rows that it got: Selector::Update.
  int64_t UpdatePriorities(absl::Span<const RowKey> rows, absl::Span<const float> errors) {
    return selector_->Update(rows, errors);
  }
  // Replaces *out, which keeps its memory, and lets go of the rows. The selector must be able to.
  // Does not look at version_min: DropOlder does.
  void Take(const RolloutRequest& request, Rollout* out);
  static SelectRequest InOrder(const RolloutRequest& request) {
    return {request.steps, /*in_order=*/true, request.version_min, request.version_max};
  }
  void DropOlder(uint32_t version_min);
  // Rows that wait to be taken are given up, all of them.
  void GiveUpWaiting(uint32_t version_min);

  // Every transition held: by (member, actor, env), each stream in its order.
  void VisitSteps(const std::function<void(const StoredStep&)>& visit) const;

  const TableSpec& spec() const { return spec_; }
  const StreamBook& book() const { return book_; }
  StreamBook* mutable_book() { return &book_; }
  const Selector& selector() const { return *selector_; }
  Selector* mutable_selector() { return selector_.get(); }
  int64_t size() const { return size_; }          // transitions held, without those let go of
  int64_t eligible() const { return eligible_; }  // of those, that can be given
  int64_t inserted() const { return inserted_; }  // transitions ever, without those from files
  int64_t loaded() const;                         // transitions ever from files
  int64_t bytes() const { return pool_->live_pages() * pool_->page_bytes(); }
  int64_t streams() const { return static_cast<int64_t>(streams_.size()); }

  // Saving, while others go on: BeginSave fixes what is saved, NextPages gives its pages piece by
  // piece (false: all were given) for WritePages, EndSave ends it whatever came of it.
  TableSave BeginSave() const;
  bool NextPages(CopiedPages* out) const;
  void EndSave() const;
  static absl::Status WritePages(const TableSpec& spec, const CopiedPages& pages,
                                 BlockFileWriter* out);
  // Load replaces *this only when all of it was good; `book` is what the file said of the writers
  // before. Rows against the rules are as taken.
  absl::StatusOr<LoadedRows> Load(BlockFileReader* in, StreamBook book, const RowRules& rules);

 private:
  struct StreamKey {
    uint32_t member, actor, env;
    auto operator<=>(const StreamKey&) const = default;
  };
  struct Stream {
    uint32_t epoch = 0;
    RowRef head;                  // row that waits for its action; none between episodes
    uint32_t page = kNoPage;      // open page
    std::vector<RowRef> pending;  // the last ones, whose n_step rewards are not all known
  };
  // Where a chunk's rows go.
  struct Target {
    StreamKey key;
    Stream* stream;
    const Chunk& chunk;
  };

  ReplayTable(const TableSpec& spec, const ReplayTableOptions& options);

  absl::Status CheckRoomForStream(const StreamId& id, int64_t others) const;
  absl::Status CheckJoin(const Chunk& chunk, const StreamKey& key, Seam seam) const;
  Stream* OpenStream(const StreamKey& key, uint32_t epoch);
  // Writes rows from `begin` on; returns the row after the last one.
  uint32_t AppendRun(const Target& to, uint32_t begin);
  uint32_t AppendLast(const Target& to, uint32_t i);
  void WriteStep(const Chunk& chunk, uint32_t i, float* at, uint32_t flags) const;
  RowRef NewRow(const Target& to, uint64_t step, const float* obs, uint32_t flags);
  void CountSteps(Stream* stream, RowRef first, int count);
  void MarkReady(Stream* stream, bool all);
  void GiveReady(RowRef first, int count);
  void Cut(Stream* stream);
  void ClosePage(Stream* stream);
  void EvictOldest();
  void Evict(uint32_t slot);
  void LetGoOfSpent();
  void FreeIfSpent(uint32_t slot);
  void GatherRows(Minibatch* batch) const;
  void Gather(RowRef row, int i, Minibatch* batch) const;
  void GatherSequences(Minibatch* batch) const;
  void GatherSequence(RowRef row, size_t i, Minibatch* batch) const;
  void GatherStep(RowRef row, RowRef next, size_t i, Minibatch* batch) const;
  void WeighChosen(Minibatch* batch) const;
  void CopyRollout(Rollout* out) const;
  bool IsNextStep(RowRef row, RowRef before) const;
  uint64_t StepOf(RowRef row) const;
  RowRef Next(RowRef row) const;
  std::string SaveIndex() const;
  void VisitPage(uint32_t slot, const std::function<void(const StoredStep&)>& visit) const;
  static absl::StatusOr<absl::string_view> NextIndex(BlockFileReader* in);
  absl::Status LoadFrom(absl::string_view index, BlockFileReader* in);
  absl::Status LoadIndex(absl::string_view bytes, const BlockFileReader& file);
  void LoadStreams(ByteReader* in);
  absl::Status LoadOldQueue(absl::string_view index, BlockFileReader* in,
                            BlockFileReader::Block* next);
  bool LoadPage(absl::string_view payload);
  bool RowIsSound(RowRef row) const;
  bool HasSuccessor(RowRef row) const;
  bool PageIsSound(uint32_t slot) const;
  bool StreamIsSound(const StreamKey& key, const Stream& stream) const;
  bool Rebuild();
  bool LinkPage(uint32_t slot);
  void TellSelector();
  LoadedRows LeaveOutNonsense(const RowRules& rules);

  TableSpec spec_;
  ReplayTableOptions options_;
  std::vector<double> gamma_power_;  // [n_step + 1]
  std::unique_ptr<PagePool> pool_;   // at one address, for the selector
  std::unique_ptr<Selector> selector_;
  StreamBook book_;
  std::map<StreamKey, Stream> streams_;             // that take rows
  std::set<std::pair<uint64_t, uint32_t>> closed_;  // pages as (id, slot), oldest first
  std::vector<RowRef> chosen_;                      // of the last Sample or Take
  int64_t size_ = 0;
  int64_t stored_ = 0;  // those let go of as well, as long as their page is here: what memory holds
  int64_t eligible_ = 0;
  int64_t inserted_ = 0;
};

}  // namespace pmoe
