// Reading a log that somebody stopped writing: by order, by kill or by the loss of power. Free
// functions over a folder; nobody may write to it meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// What a log was found to be, from a position on.
struct LogScan {
  uint64_t begin = 0;    // of the first record there is, or that was asked for
  uint64_t end = 0;      // behind the last record that was given
  uint64_t records = 0;  // given
  // A record that was half written when the writer died: bytes that were never said to be on disk.
  uint64_t torn_bytes = 0;
  // Damage with more behind it: nothing after it was given.
  std::string damage{};       // what and where, for people; empty: none
  uint64_t lost_records = 0;  // whole records behind it, as far as they can be read
  // Where the log must be cut, if it is to go on: this segment at this byte, and all after it.
  std::string cut_segment{};  // file name; empty: nowhere
  uint64_t cut_at = 0;
};

// Gets each record from `from` on, in order, with its position; an error ends the reading there, as
// damage. `lost`: each whole record behind damage, which can be counted but not used.
struct LogVisitor {
  std::function<absl::Status(uint64_t position, absl::string_view owner, absl::string_view record)>
      record;
  std::function<void(absl::string_view record)> lost = [](absl::string_view) {};
};

// from: nullopt: the first there is. Errors are of the folder: it cannot be read.
absl::StatusOr<LogScan> ReadLog(const std::string& dir, std::optional<uint64_t> from,
                                const LogVisitor& visitor);

// So that new records may follow at scan.end: a torn end goes; what lies behind damage is kept
// under NAME.damaged, which no reader takes for a segment; the rest is surely on disk.
absl::Status CutLog(const std::string& dir, const LogScan& scan);

// Removes segments that end before `position`, and the .damaged ones once there is nothing else
// before it.
absl::Status PruneLog(const std::string& dir, uint64_t position);

// Of all its segments.
absl::StatusOr<int64_t> LogBytes(const std::string& dir);

// Behind everything that any segment's name or content claims: where another log may begin.
absl::StatusOr<uint64_t> EndOfLog(const std::string& dir);

}  // namespace pmoe
