// A run's key for its seats: the learner signs each seat that it gives out, and whoever is handed
// one (the learner at Follow, a replay shard at Insert) checks that it is of this run, this role,
// this index and this epoch. HMAC-SHA256. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// What a signature covers. `role`: the number of RunRole.
struct SeatClaim {
  std::string run_id;
  int role = 0;
  uint32_t index = 0;
  uint32_t epoch = 0;
};

class SeatKey {
 public:
  static constexpr size_t kBytes = 32;

  // Of those bytes. Fewer than kBytes protect nobody: for tests.
  explicit SeatKey(std::string bytes) : bytes_(std::move(bytes)) {}
  // The key that `path` holds, or a new one, kept there with mode 0600; also in place of one that
  // everybody could read. One that its group could read is kept, with mode 0600 again.
  // FailedPreconditionError: the file is a link or holds no key; says how to mend it.
  static absl::StatusOr<SeatKey> OfFile(const std::string& path);

  std::string Sign(const SeatClaim& claim) const;
  // Takes equally long for every wrong signature.
  bool Verify(const SeatClaim& claim, absl::string_view signature) const;

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace pmoe
