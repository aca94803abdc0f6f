// Where a shard's callers wait: writers for room, learners for rows, a round for its last chunk.
// Holds the limits that keep inserts and samples in proportion, counts how long each side was kept
// waiting, and knows whom to wake. The shard guards it with its mutex.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/bytes.h"
#include "common/base/mutex.h"
#include "replay/core/blocked_time.h"
#include "replay/core/rate_limiter.h"

namespace pmoe {

// How long a call may wait: until `timeout` has passed (DeadlineExceededError) or `stop` says true
// (CancelledError). `stop` is asked about ten times a second, on the caller's thread and without a
// lock.
struct WaitLimit {
  template <typename Rep, typename Period>
  WaitLimit(std::chrono::duration<Rep, Period> timeout, std::function<bool()> stop = nullptr)
      : timeout(std::chrono::ceil<std::chrono::milliseconds>(timeout)), stop(std::move(stop)) {}

  std::chrono::milliseconds timeout;
  std::function<bool()> stop;
};

// Seconds that one side of the shard was kept waiting.
struct BlockedSeconds {
  double total = 0.0;    // in which anybody waited
  double current = 0.0;  // of the oldest wait of now; 0: nobody waits
};

struct GateOptions {
  std::optional<RateLimiterOptions> limiter{};  // absent: off, as in lockstep
  bool granted_inserts = false;  // instead of the limiter: inserts stay below SetInsertBound

  absl::Status Validate() const;
};

class Gate {
 public:
  enum Side { kInserts = 0, kSamples = 1, kRounds = 2 };

  // The options must be valid.
  Gate(const GateOptions& options, Clock* clock);

  // The limits. Without any both are always true.
  bool MayInsert(int64_t rows) const;
  bool MaySample(int64_t rows) const;
  bool limits_samples() const { return limiter_.has_value(); }
  void OnInsert(int64_t rows);
  void OnSample(int64_t rows);
  void SetInsertBound(int64_t bound) { insert_bound_ = bound; }
  // The limit with today's numbers and which side it blocks, for people.
  std::string Explain() const;

  // What a call waits for. Both functions are asked with the mutex held.
  struct Turn {
    Side side;
    int64_t rows;
    absl::string_view what;  // is missing, for a message
    absl::FunctionRef<bool()> blocked;
    absl::FunctionRef<std::string()> why;  // it still is, when the time has passed
  };
  // Waits until turn.blocked is false; callers have seen it true.
  absl::Status Await(Mutex* mu, const Turn& turn, const WaitLimit& limit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Does anybody wait, and for how few rows?
  bool AnybodyWaits(Side side) const { return sides_[side].blocked.anybody(); }
  int64_t LeastRows(Side side) const { return sides_[side].least_rows; }
  // Lets those who wait look again.
  void Wake(Side side) { sides_[side].changed.NotifyAll(); }
  // Fails every wait now with `why`.
  void Cancel(absl::Status why);
  const absl::Status& cancelled() const { return cancelled_; }

  BlockedSeconds Blocked(Side side) const;

  // The limiter's counts. `inserted` are the rows ever: what a grant is held against.
  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);
  void SetInserted(int64_t inserted) { inserted_ = inserted; }
  // Takes another's counts, and keeps its own callers.
  void Adopt(const Gate& loaded);

 private:
  struct Waiters {
    CondVar changed;
    BlockedTime blocked;
    int64_t least_rows = 0;
  };

  const GateOptions options_;
  Clock* const clock_;
  std::optional<RateLimiter> limiter_;
  int64_t inserted_ = 0;
  int64_t insert_bound_ = 0;
  Waiters sides_[3];
  absl::Status cancelled_;
};

}  // namespace pmoe
