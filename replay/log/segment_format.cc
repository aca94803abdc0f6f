#include "replay/log/segment_format.h"

#include <charconv>
#include <cstring>

#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"

namespace pmoe {
namespace {

constexpr absl::string_view kMagic = "PMOELOG1";
constexpr absl::string_view kEnding = ".log";
constexpr size_t kDigits = 20;

uint32_t FrameCrc(uint32_t length, absl::string_view record) {
  return Crc32c(record, Crc32c({reinterpret_cast<const char*>(&length), sizeof(length)}));
}

}  // namespace

std::string SegmentName(uint64_t position) { return absl::StrFormat("%020d%s", position, kEnding); }

std::optional<uint64_t> PositionOfSegment(absl::string_view file_name) {
  if (file_name.size() != kDigits + kEnding.size() || !absl::ConsumeSuffix(&file_name, kEnding)) {
    return std::nullopt;
  }
  uint64_t position = 0;
  const auto [end, error] =
      std::from_chars(file_name.data(), file_name.data() + file_name.size(), position);
  if (error != std::errc() || end != file_name.data() + file_name.size()) return std::nullopt;
  return position;
}

std::string EncodeSegmentHead(uint64_t position, absl::string_view owner) {
  ByteWriter out;
  out.Raw(kMagic.data(), kMagic.size());
  out.Pod(position);
  out.Pod(static_cast<uint32_t>(owner.size()));
  out.Raw(owner.data(), owner.size());
  out.Pod(Crc32c(out.bytes()));
  return out.Take();
}

absl::StatusOr<SegmentHead> DecodeSegmentHead(absl::string_view bytes) {
  SegmentHead head;
  ByteReader in(bytes);
  std::string magic(kMagic.size(), '\0');
  uint32_t owner_bytes = 0;
  uint32_t crc = 0;
  in.Raw(magic.data(), magic.size());
  in.Pod(&head.position);
  in.Pod(&owner_bytes);
  if (!in.ok() || magic != kMagic || owner_bytes > in.remaining()) {
    return absl::DataLossError("it does not begin as a segment of a log");
  }
  head.owner.resize(owner_bytes);
  in.Raw(head.owner.data(), owner_bytes);
  const size_t covered = bytes.size() - in.remaining();
  in.Pod(&crc);
  if (!in.ok() || crc != Crc32c(bytes.substr(0, covered))) {
    return absl::DataLossError("its head is damaged");
  }
  head.bytes = covered + sizeof(crc);
  return head;
}

std::array<char, kFrameHeadBytes> EncodeFrameHead(absl::string_view record) {
  const uint32_t length = static_cast<uint32_t>(record.size());
  const uint32_t crc = FrameCrc(length, record);
  std::array<char, kFrameHeadBytes> head;
  std::memcpy(head.data(), &length, sizeof(length));
  std::memcpy(head.data() + sizeof(length), &crc, sizeof(crc));
  return head;
}

Frame ParseFrame(absl::string_view bytes) {
  if (bytes.size() < kFrameHeadBytes) return {};
  uint32_t length = 0;
  uint32_t crc = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  std::memcpy(&crc, bytes.data() + sizeof(length), sizeof(crc));
  // An empty record is nobody's: zeros at the end of a file that the disk did not fill.
  if (length == 0 || length > kRecordBytesMax) return {Frame::kDamaged, {}, bytes.size()};
  if (length > bytes.size() - kFrameHeadBytes) return {};
  const absl::string_view record = bytes.substr(kFrameHeadBytes, length);
  const bool whole = FrameCrc(length, record) == crc;
  return {whole ? Frame::kWhole : Frame::kDamaged, whole ? record : absl::string_view(),
          kFrameHeadBytes + length};
}

}  // namespace pmoe
