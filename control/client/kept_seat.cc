#include "control/client/kept_seat.h"

#include "absl/strings/string_view.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/private_file.h"
#include "common/base/status_macros.h"
#include "control/wire/sense.h"

namespace pmoe {
namespace {

constexpr absl::string_view kFormat = "pmoe seat file 1";

absl::StatusOr<Seat> Decode(const std::string& bytes) {
  ByteReader in(bytes);
  std::string format, text;
  uint32_t crc = 0;
  in.String(&format);
  in.String(&text);
  in.Pod(&crc);
  PMOE_RETURN_IF_ERROR(in.Finish("it"));
  JoinReply joined;  // as a learner gave it
  const bool whole = format == kFormat && crc == Crc32c(text) &&
                     joined.mutable_seat()->ParseFromString(text) &&
                     !CheckJoinReply(joined).has_value();
  if (whole) return joined.seat();
  return absl::DataLossError("it is not as it was written");
}

}  // namespace

std::optional<Seat> ReadKeptSeat(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  const absl::StatusOr<Seat> seat = bytes.ok() ? Decode(*bytes) : bytes.status();
  if (seat.ok()) return *seat;
  Log(LogLevel::kWarning, path, " does not say which seat this was: ", seat.status().message(),
      "; the learner gives any that is free");
  return std::nullopt;
}

absl::Status KeepSeat(const std::string& path, const Seat& seat) {
  const std::string text = seat.SerializeAsString();
  ByteWriter out;
  out.String(kFormat);
  out.String(text);
  out.Pod(Crc32c(text));
  return WritePrivateFile(path, out.bytes());
}

}  // namespace pmoe
