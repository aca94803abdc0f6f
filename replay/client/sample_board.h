// Which rows of which minibatch are asked of which shard: the learner's thread takes finished
// minibatches on one side, each shard's connection takes requests and brings replies on the other.
// Knows no transport. Thread-safe; the memory of a slot belongs to the shard it was asked of until
// the reply or the connection's end.
//
// With one shard its own limiter counts. With several, a minibatch's rows are split in proportion
// to the rows that can be drawn from each (every row of all shards is equally likely), the limiter
// is here (InsertGrants), and rows asked of a shard that went away are asked of the others.
// Sequences are split as rows are; the limiter counts all of their rows when they are asked for,
// and takes back what was not given when they are there.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/rng.h"
#include "replay/client/insert_grants.h"
#include "replay/core/minibatch.h"
#include "replay/wire/batch_codec.h"

namespace pmoe {

struct SampleBoardOptions {
  TableSpec spec{};
  int batch_size = 256;   // rows, or sequences
  int sequence_rows = 0;  // of those, at most; 0: rows
  int rows_behind = 0;    // room in each minibatch behind those, which somebody else fills
  int shards = 1;
  uint64_t seed = 1;
  // Nothing is drawn ahead of Expect, and nothing can be drawn twice.
  bool lockstep = false;
  bool prioritized = false;  // minibatches are; in lockstep each waits for what the last one found
  bool reject_nonfinite = true;
  std::optional<RateLimiterOptions> limiter{};  // of all shards together; one shard has its own
  Clock* clock = Clock::Real();

  BatchShape shape() const { return {batch_size, sequence_rows, prioritized}; }
  BatchShape room() const { return {batch_size + rows_behind, sequence_rows, prioritized}; }
};

class SampleBoard {
 public:
  struct Request {
    uint32_t rows = 0;         // or sequences; 0: the counts alone
    int64_t insert_bound = 0;  // 0: none
    uint64_t newest_version = 0;
  };

  explicit SampleBoard(const SampleBoardOptions& options);

  // The learner's thread: as in ReplayClient.
  void Expect(int64_t batches) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Minibatch*> Next(std::chrono::milliseconds timeout) ABSL_LOCKS_EXCLUDED(mu_);
  void OnPublish(uint64_t version) ABSL_LOCKS_EXCLUDED(mu_);
  // What Next waits for, for people.
  std::string WaitsFor() const ABSL_LOCKS_EXCLUDED(mu_);

  // A shard's connection. "replay 0 at unix:/tmp/r".
  void SetName(int shard, std::string name) ABSL_LOCKS_EXCLUDED(mu_);
  void OnConnect(int shard) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for the next request; nullopt once the connection has ended.
  std::optional<Request> AwaitRequest(int shard) ABSL_LOCKS_EXCLUDED(mu_);
  // Where the reply that comes next belongs. DataLossError: nothing was asked.
  absl::StatusOr<BatchSlot> NextSlot(int shard) ABSL_LOCKS_EXCLUDED(mu_);
  void OnReply(int shard, const ShardCounts& counts) ABSL_LOCKS_EXCLUDED(mu_);
  // AwaitRequest returns from now on.
  void EndRequests(int shard) ABSL_LOCKS_EXCLUDED(mu_);
  // After EndRequests, when nobody writes into the shard's slots any more: what it still owes is
  // asked again.
  void OnLost(int shard, const absl::Status& why) ABSL_LOCKS_EXCLUDED(mu_);
  // Next returns `why` from now on; the first one counts.
  void Fail(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Job {
    explicit Job(const SampleBoardOptions& options) : batch(options.spec, options.room()) {}
    Minibatch batch;
    int rows_missing = 0;
  };
  struct Part {
    Job* job = nullptr;  // null: the counts alone
    int row = 0;
    int rows = 0;
  };
  struct Shard {
    std::string name;
    std::string away = "not connected yet";  // why, while it is not connected
    bool connected = false;
    bool counted = false;  // by this connection
    ShardCounts counts;
    std::deque<Part> wanted;   // to be asked
    std::deque<Part> asked;    // in the order of the replies to come
    Clock::Time last_asked{};  // when the last request of this connection went out
  };

  bool several() const { return options_.shards > 1; }
  bool MayAskAhead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Shard& at(int shard) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return shards_[static_cast<size_t>(shard)];
  }
  void Ask() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Place() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Split(const Part& part, int64_t eligible) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int64_t Weight(const Shard& shard) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsFinished() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Rows that only fill up the sequences which came.
  int64_t Filling(const Part& part) const;
  std::optional<Request> TakeRequest(int shard) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const SampleBoardOptions options_;
  mutable Mutex mu_;
  CondVar changed_;
  Rng rng_ ABSL_GUARDED_BY(mu_);
  std::optional<InsertGrants> grants_ ABSL_GUARDED_BY(mu_);
  std::vector<Shard> shards_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<Job>> jobs_;  // never changed
  std::vector<Job*> free_ ABSL_GUARDED_BY(mu_);
  std::deque<Job*> order_ ABSL_GUARDED_BY(mu_);       // asked for, in the order of Next
  std::deque<Part> unplaced_ ABSL_GUARDED_BY(mu_);    // wait for a shard that has rows
  Job* held_ ABSL_GUARDED_BY(mu_) = nullptr;          // by the learner
  int64_t expected_ ABSL_GUARDED_BY(mu_);             // minibatches still to be asked for
  uint64_t newest_version_ ABSL_GUARDED_BY(mu_) = 0;  // published
  absl::Status failed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
