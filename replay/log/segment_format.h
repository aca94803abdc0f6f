// The bytes of a log on disk. A log is a row of records, each with a position: 0, 1, 2, … It lies
// in segments, files <position of the first record, 20 digits>.log:
//   "PMOELOG1" | u64 position | u32 n | n bytes of the owner's | u32 CRC32C of all before
// and then frames, one for each record:
//   u32 length | u32 CRC32C of the length and the record | the record
// Pure functions over bytes that may be anybody's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

inline constexpr size_t kFrameHeadBytes = 8;
inline constexpr uint32_t kRecordBytesMax = uint32_t{1} << 28;

std::string SegmentName(uint64_t position);
// The position, if it is a segment's file name.
std::optional<uint64_t> PositionOfSegment(absl::string_view file_name);

struct SegmentHead {
  uint64_t position = 0;
  std::string owner{};  // what the owner wrote there
  size_t bytes = 0;     // of the head
};
std::string EncodeSegmentHead(uint64_t position, absl::string_view owner);
// DataLossError: damaged, or no segment's.
absl::StatusOr<SegmentHead> DecodeSegmentHead(absl::string_view bytes);

std::array<char, kFrameHeadBytes> EncodeFrameHead(absl::string_view record);

struct Frame {
  enum Kind { kWhole, kCut, kDamaged };  // kCut: the bytes end before it does
  Kind kind = kCut;
  absl::string_view record{};  // kWhole
  size_t bytes = 0;  // of the frame, also of a damaged one, as far as its length can be so
};
// What `bytes` begins with; they must not be empty.
Frame ParseFrame(absl::string_view bytes);

}  // namespace pmoe
