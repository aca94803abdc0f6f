// Where a shard's callers wait: writers for room, learners for rows, a round for its last chunk.
// Holds the limits that keep inserts and samples in proportion, counts how long each side was kept
// waiting, and knows whom to wake. Where a limit holds writers back they stand in line: whoever
// came first goes first, however many rows it brings. The shard guards it with its mutex.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
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
// lock. `on_wait`, which may be empty, is told by that thread when a wait begins (true) and when it
// is over (false), with the shard's lock held.
struct WaitLimit {
  template <typename Rep, typename Period>
  WaitLimit(std::chrono::duration<Rep, Period> timeout, std::function<bool()> stop = nullptr,
            std::function<void(bool waits)> on_wait = nullptr)
      : timeout(std::chrono::ceil<std::chrono::milliseconds>(timeout)),
        stop(std::move(stop)),
        on_wait(std::move(on_wait)) {}

  std::chrono::milliseconds timeout;
  std::function<bool()> stop;
  std::function<void(bool waits)> on_wait;
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
  // kVersions: writers whose rows name a version that the learner may be about to publish.
  enum Side { kInserts = 0, kSamples = 1, kRounds = 2, kVersions = 3 };

  // The options must be valid.
  Gate(const GateOptions& options, Clock* clock);

  // The limits. Without any both are always true.
  bool MayInsert(int64_t rows) const;
  bool MaySample(int64_t rows) const;
  bool limits_samples() const { return limiter_.has_value(); }
  // Null: there is none.
  RateLimiter* limiter() { return limiter_.has_value() ? &*limiter_ : nullptr; }
  bool limits_inserts() const { return limiter_.has_value() || options_.granted_inserts; }
  void OnInsert(int64_t rows);
  void OnSample(int64_t rows);
  void SetInsertBound(int64_t bound) { insert_bound_ = bound; }
  // The limit with today's numbers and which side it blocks, for people.
  std::string Explain() const;

  // What a call waits for. Both functions are asked with the mutex held; `blocked` is told whether
  // the call is the first in line, as every call is where there is no line.
  struct Turn {
    Side side;
    int64_t rows;
    absl::string_view what;  // is missing, for a message
    absl::FunctionRef<bool(bool first)> blocked;
    absl::FunctionRef<std::string()> why;  // it still is, when the time has passed
    int64_t chosen = 0;  // of `rows`, those that the table's selector chooses; 0: all
  };
  // Waits until turn.blocked is false; callers have seen it true.
  absl::Status Await(Mutex* mu, const Turn& turn, const WaitLimit& limit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  bool AnybodyWaits(Side side) const { return !sides_[side].line.empty(); }
  // Rows without which no wait of this side can end: of the first in line, or the fewest. Where
  // there is no line, of them those that are chosen.
  int64_t LeastRows(Side side) const;
  int64_t LeastChosen(Side side) const;
  // Lets those who wait look again; in a line the first one alone.
  void Wake(Side side);
  // Fails every wait now with `why`.
  void Cancel(absl::Status why);
  const absl::Status& cancelled() const { return cancelled_; }

  BlockedSeconds Blocked(Side side) const;

  // The limiter's counts. `inserted` are the rows ever: what a grant is held against.
  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);
  void SetInserted(int64_t inserted) { inserted_ = inserted; }
  void Settle() {
    if (limiter_.has_value()) limiter_->Settle();
  }
  // Takes another's counts, and keeps its own callers.
  void Adopt(const Gate& loaded);

 private:
  struct Waiter {
    Waiter(const Turn& turn, Clock* clock)
        : rows(turn.rows), chosen(turn.chosen > 0 ? turn.chosen : turn.rows), changed(clock) {}
    const int64_t rows;
    const int64_t chosen;
    CondVar changed;
  };
  struct Waiters {
    std::list<Waiter> line;  // in the order of coming
    BlockedTime blocked;
  };
  bool IsLine(Side side) const { return side == kInserts && limits_inserts(); }
  void WakeAll(Side side);

  const GateOptions options_;
  Clock* const clock_;
  std::optional<RateLimiter> limiter_;
  int64_t inserted_ = 0;
  int64_t insert_bound_ = 0;
  Waiters sides_[4];
  absl::Status cancelled_;
};

}  // namespace pmoe
