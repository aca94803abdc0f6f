// Who may open an Insert stream: a hello that makes sense, in the name of a seat that the learner
// gave out (Seat of proto/run.proto), whose key it hands to its shards with CreateTable.
// Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/tls/seat_key.h"
#include "proto/replay.pb.h"

namespace pmoe {

class InsertDoor {
 public:
  // From a learner's CreateTable.
  void SetKey(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);
  // `peer`: the caller's machine. AbortedError: not a seat of this run, join (again);
  // InvalidArgumentError: no writer would say that. Counts what it refuses.
  absl::Status Check(const InsertHello& hello, const std::string& peer) const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool IsSigned(const InsertHello& hello) const ABSL_LOCKS_EXCLUDED(mu_);

  mutable Mutex mu_;
  SeatKey key_ ABSL_GUARDED_BY(mu_){""};
};

}  // namespace pmoe
