// The rows of an on-policy run that wait to be taken, each once: for every (member, actor, env,
// epoch) a stream, first in first out. The streams of an actor that is gone, or that a newer epoch
// has replaced, take no more rows and end when theirs are taken. Thread-compatible.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replay/core/block_file.h"
#include "replay/core/chunk.h"
#include "replay/core/replay_table.h"
#include "replay/core/rollout.h"

namespace pmoe {

struct RolloutQueueOptions {
  int64_t rollout_steps = 0;  // rows of the largest rollout; at least one for each environment
  int max_lag = 1;            // rollouts that an actor may be ahead of the one to be taken next

  absl::Status Validate() const;
};

class RolloutQueue {
 public:
  // The options must be valid.
  RolloutQueue(const TableSpec& spec, const RolloutQueueOptions& options);
  // The queue of a saved shard, for reading. NotFoundError: it was saved without one.
  static absl::StatusOr<RolloutQueue> FromFile(const std::string& path);

  // Back-pressure: has the chunk room? A stream may hold its part of (1 + max_lag) rollouts, and a
  // chunk more while any stream of its actor lacks rows for the next one: an actor's chunks come in
  // one order, and the one that is missing may be behind this one.
  bool CanInsert(const Chunk& chunk) const;
  // Enters a chunk. A gap in the steps ends the segment, a newer epoch the older one's streams. On
  // error nothing changes: the errors of ReplayTable::Append.
  absl::Status Append(const Chunk& chunk);
  // The actor's streams take no more rows. Its epoch stays fenced.
  void CutActor(uint32_t member, uint32_t actor);
  // Drops the rows of an older version, those held and those to come.
  void DropOlder(uint32_t version_min);

  // InvalidArgumentError: a request that could never be met.
  absl::Status CheckRequest(const RolloutRequest& request) const;
  // Are all rows of the rollout here? What streams that ended hold is used first; the rest comes in
  // equal parts from the others, the remainder a row each from those with the most rows waiting
  // (the first of equals), so that no stream falls behind over time.
  bool CanTake(const RolloutRequest& request) const { return Shares(request).has_value(); }
  // Replaces *out, which keeps its memory. CanTake must be true. Does not look at version_min:
  // DropOlder does.
  void Take(const RolloutRequest& request, Rollout* out);

  // Every row that waits, by (member, actor, env, epoch), each stream in its order.
  void VisitSteps(const std::function<void(const StoredStep&)>& visit) const;

  int64_t size() const { return size_; }          // rows waiting
  int64_t inserted() const { return inserted_; }  // rows ever, those dropped included
  int64_t dropped() const { return dropped_; }    // rows that were too old, ever
  int64_t rows_max() const { return options_.rollout_steps * (1 + options_.max_lag); }
  int64_t bytes() const;
  // May more be inserted than at the last call of this?
  bool RoomGrew() { return std::exchange(room_grew_, false); }
  // What a take, or a blocked insert, waits for, for people.
  std::string ExplainTake(const RolloutRequest& request) const;
  std::string ExplainInsert() const;

  // Streams the queue into `out` as blocks. Load continues after the block `first`, and replaces
  // *this only when all of it was good.
  absl::Status Save(BlockFileWriter* out) const;
  absl::Status Load(const BlockFileReader::Block& first, BlockFileReader* in);

 private:
  using ActorKey = std::pair<uint32_t, uint32_t>;  // (member, actor)
  struct StreamKey {
    uint32_t member, actor, env, epoch;
    auto operator<=>(const StreamKey&) const = default;
  };
  struct Piece {
    Chunk chunk;         // rows of one version
    uint32_t taken = 0;  // of them, from the front
    uint32_t version() const { return chunk.policy_version.front(); }
    int64_t rows() const { return int64_t{chunk.rows} - taken; }
  };
  struct Stream {
    bool live = true;
    uint64_t next_step = 0;
    std::vector<float> head;  // [O] observation that the next step begins with; empty: any
    int64_t rows = 0;
    std::deque<Piece> pieces;
  };
  using Streams = std::map<StreamKey, Stream>;

  static StreamKey Key(const Chunk& chunk);
  static std::string Name(const StreamKey& key);
  // Rows that can be taken from the stream.
  static int64_t Available(const Stream& stream, uint32_t version_max);
  absl::Status CheckAppend(const Chunk& chunk) const;
  absl::Status CheckContinues(const Chunk& chunk, const Stream& stream) const;
  int64_t LiveStreams() const;
  int64_t DeadRows() const;
  // Rows of the next rollout that a live stream may owe, at most.
  int64_t Quota() const;
  // Rows that each stream gives, in the order of streams_.
  std::optional<std::vector<int64_t>> Shares(const RolloutRequest& request) const;
  void TakeRows(const StreamKey& key, Stream* stream, int64_t rows, Rollout* out);
  // Copies `rows` rows of the piece as the next ones of *out, which ends in the same stream if
  // `continues`.
  void CopyRows(const StreamKey& key, const Piece& piece, uint32_t rows, bool continues,
                Rollout* out) const;
  void EraseEnded();

  std::string SaveIndex() const;
  absl::Status LoadIndex(absl::string_view bytes, const BlockFileReader& file, uint64_t* pieces);
  void LoadStreams(ByteReader* in);
  bool LoadPiece(absl::string_view payload);

  TableSpec spec_;
  RolloutQueueOptions options_;
  Streams streams_;
  std::map<ActorKey, uint32_t> epochs_;  // newest epoch seen of each actor
  uint32_t version_min_ = 0;
  int64_t size_ = 0;
  int64_t inserted_ = 0;
  int64_t dropped_ = 0;
  bool room_grew_ = false;
};

}  // namespace pmoe
