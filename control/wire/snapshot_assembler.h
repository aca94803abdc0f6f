// Puts the pieces of a snapshot together again: pieces of one version in order, nothing missing,
// nothing over; then PolicySnapshot::Decode checks CRC, sizes and weights. A version is loaded
// whole or not at all. Thread-compatible.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/policy/policy_snapshot.h"
#include "proto/run.pb.h"

namespace pmoe {

class SnapshotAssembler {
 public:
  static constexpr uint64_t kBytesMax = uint64_t{1} << 30;

  // The snapshot when the piece was its last, null before. Any error forgets what was collected:
  // InvalidArgumentError for pieces that do not fit together, DataLossError for a bad container.
  absl::StatusOr<std::shared_ptr<const PolicySnapshot>> Add(const SnapshotPiece& piece);

 private:
  absl::Status Check(const SnapshotPiece& piece) const;

  uint64_t version_ = 0;
  uint64_t total_ = 0;
  std::string bytes_;
};

}  // namespace pmoe
