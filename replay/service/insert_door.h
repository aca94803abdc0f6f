// Who may open an Insert stream, and go on with it: a hello that makes sense, in the name of a seat
// that the learner gave out (Seat of proto/run.proto), whose key it hands to its shards with
// CreateTable; and no actor, whatever life it is in, that has lately sent much nonsense.
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/base/stopwatch.h"
#include "common/rpc/conduct.h"
#include "common/tls/seat_key.h"
#include "proto/replay.pb.h"

namespace pmoe {

class InsertDoor {
 public:
  static constexpr ConductLimits kLimits = {.forgiven = 32, .memory_s = 60.0, .out_s = 30.0};

  explicit InsertDoor(const Clock* clock = Clock::Real()) : clock_(clock) {}
  // From a learner's CreateTable.
  void SetKey(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);
  // `peer`: the caller's machine. AbortedError: not a seat of this run, join (again);
  // InvalidArgumentError: no writer would say that; UnavailableError, which an honest writer takes
  // for a shard that is away: put out for a while. Counts what it refuses.
  absl::Status Check(const InsertHello& hello, const std::string& peer) const
      ABSL_LOCKS_EXCLUDED(mu_);
  // The actor has sent what makes no sense; counts it. UnavailableError: it is put out now.
  absl::Status OnNonsense(uint32_t actor, const absl::Status& why) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool IsSigned(const InsertHello& hello) const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status CheckConduct(uint32_t actor) const ABSL_LOCKS_EXCLUDED(mu_);

  const Stopwatch clock_;
  mutable Mutex mu_;
  SeatKey key_ ABSL_GUARDED_BY(mu_){""};
  Conduct conduct_ ABSL_GUARDED_BY(mu_){kLimits};  // of actors
};

}  // namespace pmoe
