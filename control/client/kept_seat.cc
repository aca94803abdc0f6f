#include "control/client/kept_seat.h"

#include <utility>

#include "absl/strings/string_view.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/printable_text.h"
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

std::optional<Seat> Read(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  const absl::StatusOr<Seat> seat = bytes.ok() ? Decode(*bytes) : bytes.status();
  if (seat.ok()) return *seat;
  Log(LogLevel::kWarning, path, " does not say which seat this was: ", seat.status().message(),
      "; the learner gives any that is free");
  return std::nullopt;
}

std::string Encode(const Seat& seat) {
  const std::string text = seat.SerializeAsString();
  ByteWriter out;
  out.String(kFormat);
  out.String(text);
  out.Pod(Crc32c(text));
  return out.Take();
}

}  // namespace

KeptSeat::KeptSeat(std::string path) : path_(std::move(path)), seat_(Read(path_)) {}

std::optional<Seat> KeptSeat::seat() const {
  MutexLock lock(&mu_);
  return seat_;
}

void KeptSeat::Set(const Seat& seat) {
  MutexLock lock(&mu_);
  const std::optional<Seat> before = std::exchange(seat_, seat);
  if (before.has_value() && before->run_id() != seat.run_id()) {
    Log(LogLevel::kWarning, path_, " is of run ", PrintableText(before->run_id()),
        ", not of this one; it is not used");
  } else if (before.has_value() && before->index() != seat.index()) {
    Log(LogLevel::kWarning, "this was shard ", before->index(), ", and is shard ", seat.index(),
        " now: its old place was given away");
  }
  Write();
}

void KeptSeat::Tend() {
  MutexLock lock(&mu_);
  if (!written_) Write();
}

void KeptSeat::Write() {
  const absl::Status status = WriteFileAtomic(path_, Encode(*seat_), FileReaders::kPrivate);
  if (std::exchange(written_, status.ok()) == status.ok()) return;
  if (status.ok()) {
    Log(LogLevel::kInfo, path_, " is written now");
  } else {
    Log(LogLevel::kWarning, "after a restart this may be another shard: ", status.message());
  }
}

}  // namespace pmoe
