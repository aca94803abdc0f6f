#include "control/wire/snapshot_assembler.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace pmoe {

absl::Status SnapshotAssembler::Check(const SnapshotPiece& piece) const {
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("snapshot ", piece.version(), ": ", what, " (piece of ", piece.data().size(),
                     " bytes at ", piece.offset(), " of ", piece.total_bytes(), ")"));
  };
  if (piece.total_bytes() > kBytesMax) return bad("too large");
  if (piece.data().empty()) return bad("empty piece");
  if (piece.offset() != bytes_.size()) return bad(absl::StrCat("expected byte ", bytes_.size()));
  if (piece.offset() > 0 && (piece.version() != version_ || piece.total_bytes() != total_)) {
    return bad(absl::StrCat("in the middle of version ", version_));
  }
  if (piece.data().size() > piece.total_bytes() - piece.offset()) return bad("longer than said");
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const PolicySnapshot>> SnapshotAssembler::Add(
    const SnapshotPiece& piece) {
  if (piece.offset() == 0) bytes_.clear();  // a new start, whatever was missing of the last
  if (absl::Status status = Check(piece); !status.ok()) {
    bytes_.clear();
    return status;
  }
  version_ = piece.version();
  total_ = piece.total_bytes();
  bytes_ += piece.data();
  if (bytes_.size() < total_) return nullptr;
  PMOE_ASSIGN_OR_RETURN(PolicySnapshot snapshot,
                        PolicySnapshot::Decode(std::exchange(bytes_, std::string())));
  if (snapshot.version != version_) {
    return absl::DataLossError(
        absl::StrCat("snapshot ", version_, " says inside that it is ", snapshot.version));
  }
  return std::make_shared<const PolicySnapshot>(std::move(snapshot));
}

}  // namespace pmoe
