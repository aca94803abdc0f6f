#include "replay/log/log_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "replay/log/segment_format.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kAside = ".damaged";

struct SegmentFile {
  uint64_t position = 0;
  std::string name{};
};

// In order.
absl::StatusOr<std::vector<SegmentFile>> Segments(const std::string& dir) {
  std::vector<SegmentFile> segments;
  std::error_code error;
  fs::directory_iterator entry(dir, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    const std::optional<uint64_t> position = PositionOfSegment(name);
    if (position.has_value()) segments.push_back({*position, std::move(name)});
  }
  if (error) return FileError("read", dir, error.value());
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a.position < b.position; });
  return segments;
}

// One walk over the segments.
class Reading {
 public:
  Reading(std::string dir, const LogVisitor& visitor) : dir_(std::move(dir)), visitor_(visitor) {}

  absl::StatusOr<LogScan> Run(std::optional<uint64_t> from) {
    PMOE_ASSIGN_OR_RETURN(std::vector<SegmentFile> segments, Segments(dir_));
    from_ = from.value_or(segments.empty() ? 0 : segments.front().position);
    scan_.begin = scan_.end = from_;
    // The last one that begins at or before it, and those after.
    size_t first = 0;
    while (first + 1 < segments.size() && segments[first + 1].position <= from_) ++first;
    for (size_t i = first; i < segments.size(); ++i) {
      const bool is_last = i + 1 == segments.size();
      PMOE_RETURN_IF_ERROR(
          Read(segments[i], is_last ? std::nullopt : std::optional(segments[i + 1].position)));
    }
    return std::move(scan_);
  }

 private:
  absl::Status Read(const SegmentFile& segment, std::optional<uint64_t> next) {
    PMOE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(absl::StrCat(dir_, "/", segment.name)));
    if (!scan_.damage.empty()) {
      CountLost(bytes);
      return absl::OkStatus();
    }
    const absl::StatusOr<SegmentHead> head = DecodeSegmentHead(bytes);
    if (!head.ok() || head->position != segment.position) {
      // Made and not filled before its writer died.
      if (!next.has_value() && bytes.size() < kHeadBytesMax) {
        Tear(segment.name, 0, bytes.size());
        return absl::OkStatus();
      }
      Break(segment.name, 0, head.ok() ? "its name is another one's" : head.status().message());
      CountLost(bytes);
      return absl::OkStatus();
    }
    if (head->position > scan_.end) {
      Break(segment.name, 0,
            absl::StrCat("records ", scan_.end, " to ", head->position - 1, " are not there"));
      CountLost(bytes);
      return absl::OkStatus();
    }
    Walk(segment.name, *head, bytes, next);
    return absl::OkStatus();
  }

  void Walk(const std::string& name, const SegmentHead& head, absl::string_view bytes,
            std::optional<uint64_t> next) {
    uint64_t position = head.position;
    size_t at = head.bytes;
    while (at < bytes.size()) {
      // A segment begun anew after a failed write: what it left behind here, perhaps whole records,
      // is there, or is nowhere yet.
      if (next.has_value() && position >= *next) return;
      const Frame frame = ParseFrame(bytes.substr(at));
      if (frame.kind != Frame::kWhole) {
        const bool more = frame.kind == Frame::kDamaged && HasWhole(bytes.substr(at + frame.bytes));
        if (more && position < scan_.end) {  // of one that nobody asked for
          ++position;
          at += frame.bytes;
          continue;
        }
        if (!next.has_value() && !more) return Tear(name, at, bytes.size() - at);
        Break(name, at, absl::StrCat("record ", position, " is damaged"));
        if (frame.kind == Frame::kDamaged) CountLost(bytes.substr(at + frame.bytes), false);
        return;
      }
      if (position >= scan_.end) {
        const absl::Status taken = visitor_.record(position, head.owner, frame.record);
        if (!taken.ok()) {
          Break(name, at, absl::StrCat("record ", position, ": ", taken.message()));
          return CountLost(bytes.substr(at), false);
        }
        ++scan_.records;
        scan_.end = position + 1;
      }
      ++position;
      at += frame.bytes;
    }
  }

  static bool HasWhole(absl::string_view bytes) {
    while (!bytes.empty()) {
      const Frame frame = ParseFrame(bytes);
      if (frame.kind == Frame::kWhole) return true;
      if (frame.kind == Frame::kCut) return false;
      bytes.remove_prefix(frame.bytes);
    }
    return false;
  }

  void CountLost(absl::string_view bytes, bool with_head = true) {
    if (with_head) {
      const absl::StatusOr<SegmentHead> head = DecodeSegmentHead(bytes);
      if (!head.ok()) return;
      bytes.remove_prefix(head->bytes);
    }
    while (!bytes.empty()) {
      const Frame frame = ParseFrame(bytes);
      if (frame.kind == Frame::kCut) return;
      if (frame.kind == Frame::kWhole) {
        ++scan_.lost_records;
        visitor_.lost(frame.record);
      }
      bytes.remove_prefix(frame.bytes);
    }
  }

  void Tear(const std::string& name, uint64_t at, uint64_t bytes) {
    scan_.torn_bytes = bytes;
    scan_.cut_segment = name;
    scan_.cut_at = at;
  }

  void Break(const std::string& name, uint64_t at, absl::string_view what) {
    scan_.damage = absl::StrCat(dir_, "/", name, " at byte ", at, ": ", what);
    scan_.cut_segment = name;
    scan_.cut_at = at;
  }

  static constexpr size_t kHeadBytesMax = 4096;

  const std::string dir_;
  const LogVisitor& visitor_;
  uint64_t from_ = 0;
  LogScan scan_;
};

absl::Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return SyncParent(to);
  return FileError("rename", from, errno);
}

// Bytes before `at` stay under the name, at every moment; all of it under NAME.damaged.
absl::Status SetAside(const std::string& path, uint64_t at) {
  const std::string aside = absl::StrCat(path, kAside);
  if (at == 0) return Rename(path, aside);
  PMOE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(aside, bytes));
  return WriteFileAtomic(path, bytes.substr(0, at));
}

absl::Status SyncFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return FileError("open", path, errno);
  const int result = ::fdatasync(fd);
  const int error = errno;
  (void)::close(fd);
  return result == 0 ? absl::OkStatus() : FileError("sync", path, error);
}

// A segment's bytes up to the record at `end`. One before it may be damaged: a checkpoint has it.
size_t WholeBytes(absl::string_view bytes, uint64_t end) {
  const absl::StatusOr<SegmentHead> head = DecodeSegmentHead(bytes);
  if (!head.ok()) return bytes.size();
  size_t at = head->bytes;
  for (uint64_t position = head->position; position < end && at < bytes.size(); ++position) {
    const Frame frame = ParseFrame(bytes.substr(at));
    if (frame.kind == Frame::kCut) break;
    at += frame.bytes;
  }
  return at;
}

// Nothing stays behind the last record, also where it was hidden by a segment that is gone. A
// writer that was killed may have left there what is in memory alone: it is written anew, for where
// a sync has failed before, another one says nothing.
absl::Status Settle(const std::string& path, uint64_t end) {
  PMOE_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
  const size_t whole = WholeBytes(bytes, end);
  const bool cuts = whole < bytes.size();
  bytes.resize(whole);
  const absl::Status written = WriteFileAtomic(path, bytes);
  if (!absl::IsResourceExhausted(written)) return written;
  // A full disk has no room for both: then another sync must do.
  if (cuts && ::truncate(path.c_str(), static_cast<off_t>(whole)) != 0) {
    return FileError("cut", path, errno);
  }
  PMOE_RETURN_IF_ERROR(SyncFile(path));
  return SyncParent(path);
}

absl::Status SetAsideFrom(const std::string& dir, const std::string& name, uint64_t at) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, Segments(dir));
  for (const SegmentFile& segment : segments) {
    if (segment.name <= name) continue;
    PMOE_RETURN_IF_ERROR(SetAside(absl::StrCat(dir, "/", segment.name), 0));
  }
  return SetAside(absl::StrCat(dir, "/", name), at);
}

}  // namespace

absl::StatusOr<LogScan> ReadLog(const std::string& dir, std::optional<uint64_t> from,
                                const LogVisitor& visitor) {
  return Reading(dir, visitor).Run(from);
}

absl::Status CutLog(const std::string& dir, const LogScan& scan) {
  const std::string path = absl::StrCat(dir, "/", scan.cut_segment);
  const bool torn = !scan.cut_segment.empty() && scan.damage.empty();
  if (!scan.damage.empty()) {
    PMOE_RETURN_IF_ERROR(SetAsideFrom(dir, scan.cut_segment, scan.cut_at));
  } else if (torn && scan.cut_at == 0 && ::unlink(path.c_str()) != 0) {
    return FileError("remove", path, errno);
  }
  PMOE_ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, Segments(dir));
  if (segments.empty()) return SyncParent(path);
  return Settle(absl::StrCat(dir, "/", segments.back().name), scan.end);
}

absl::Status PruneLog(const std::string& dir, uint64_t position) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, Segments(dir));
  for (size_t i = 0; i + 1 < segments.size() && segments[i + 1].position <= position; ++i) {
    const std::string path = absl::StrCat(dir, "/", segments[i].name);
    if (::unlink(path.c_str()) != 0) return FileError("remove", path, errno);
  }
  std::error_code error;
  fs::directory_iterator entry(dir, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!absl::EndsWith(name, kAside)) continue;
    const auto of =
        PositionOfSegment(absl::string_view(name).substr(0, name.size() - kAside.size()));
    if (of.has_value() && *of < position) ::unlink(entry->path().c_str());
  }
  return error ? FileError("read", dir, error.value()) : absl::OkStatus();
}

absl::StatusOr<int64_t> LogBytes(const std::string& dir) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, Segments(dir));
  int64_t bytes = 0;
  for (const SegmentFile& segment : segments) {
    std::error_code error;
    const uintmax_t size = fs::file_size(absl::StrCat(dir, "/", segment.name), error);
    if (!error) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

absl::StatusOr<uint64_t> EndOfLog(const std::string& dir) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, Segments(dir));
  if (segments.empty()) return 0;
  uint64_t end = segments.back().position;
  PMOE_ASSIGN_OR_RETURN(const std::string bytes,
                        ReadFile(absl::StrCat(dir, "/", segments.back().name)));
  const absl::StatusOr<SegmentHead> head = DecodeSegmentHead(bytes);
  if (!head.ok()) return end + 1;
  for (absl::string_view rest = absl::string_view(bytes).substr(head->bytes); !rest.empty();) {
    const Frame frame = ParseFrame(rest);
    ++end;
    if (frame.kind == Frame::kCut) break;
    rest.remove_prefix(frame.bytes);
  }
  return end;
}

}  // namespace pmoe
