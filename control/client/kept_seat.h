// A member's seat in a file beside what belongs to it, so that whoever is started there again,
// after whatever end, asks for the same index: a shard, whose rows are of the actors of its index.
// The signature in it is as good as the seat, so only its owner can read it.
#pragma once

#include <optional>
#include <string>

#include "common/base/mutex.h"
#include "proto/run.pb.h"

namespace pmoe {

// Thread-safe.
class KeptSeat {
 public:
  // Reads it; the log says why one cannot be used.
  explicit KeptSeat(std::string path);

  // nullopt: there is none, or one that cannot be used.
  std::optional<Seat> seat() const ABSL_LOCKS_EXCLUDED(mu_);
  // Writes it, if the disk lets it, and says what is not as it was.
  void Set(const Seat& seat) ABSL_LOCKS_EXCLUDED(mu_);
  // Now and then: writes what the disk did not take before.
  void Tend() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string path_;
  mutable Mutex mu_;
  std::optional<Seat> seat_ ABSL_GUARDED_BY(mu_);
  bool written_ ABSL_GUARDED_BY(mu_) = true;  // false: and the log has said so
};

}  // namespace pmoe
