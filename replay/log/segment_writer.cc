#include "replay/log/segment_writer.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "replay/log/segment_format.h"

namespace pmoe {
namespace {

constexpr size_t kRecordsAtOnce = 256;  // of a writev: two pieces each

// All of it.
absl::Status WriteAll(int fd, const std::string& path, std::vector<iovec> pieces) {
  for (size_t at = 0; at < pieces.size();) {
    const ssize_t n = ::writev(fd, &pieces[at], static_cast<int>(pieces.size() - at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("write", path, errno);
    for (size_t rest = static_cast<size_t>(n); rest > 0;) {
      const size_t taken = std::min(rest, pieces[at].iov_len);
      pieces[at].iov_base = static_cast<char*>(pieces[at].iov_base) + taken;
      pieces[at].iov_len -= taken;
      rest -= taken;
      if (pieces[at].iov_len == 0) ++at;
    }
  }
  return absl::OkStatus();
}

}  // namespace

SegmentWriter::~SegmentWriter() { Leave(); }

absl::Status SegmentWriter::Write(uint64_t position, absl::Span<const std::string> records) {
  sync_s_ = 0.0;
  bytes_ = 0;
  const auto write = [&]() -> absl::Status {
    if (fd_ < 0 || size_ >= segment_bytes_) PMOE_RETURN_IF_ERROR(Begin(position));
    for (size_t at = 0; at < records.size(); at += kRecordsAtOnce) {
      PMOE_RETURN_IF_ERROR(Put(records.subspan(at, kRecordsAtOnce)));
    }
    return Sync();
  };
  const absl::Status status = write();
  // After a failed fdatasync nobody knows what of the file is on disk: it is not used any more.
  if (!status.ok()) Leave();
  return status;
}

absl::Status SegmentWriter::Begin(uint64_t position) {
  Leave();
  path_ = absl::StrCat(dir_, "/", SegmentName(position));
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) return FileError("create", path_, errno);
  std::string head = EncodeSegmentHead(position, owner_);
  size_ = static_cast<int64_t>(head.size());
  PMOE_RETURN_IF_ERROR(WriteAll(fd_, path_, {{head.data(), head.size()}}));
  return SyncParent(path_);
}

absl::Status SegmentWriter::Put(absl::Span<const std::string> records) {
  std::array<std::array<char, kFrameHeadBytes>, kRecordsAtOnce> heads;
  std::vector<iovec> pieces;
  pieces.reserve(2 * records.size());
  int64_t bytes = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    heads[i] = EncodeFrameHead(records[i]);
    pieces.push_back({heads[i].data(), heads[i].size()});
    pieces.push_back({const_cast<char*>(records[i].data()), records[i].size()});
    bytes += static_cast<int64_t>(kFrameHeadBytes + records[i].size());
  }
  PMOE_RETURN_IF_ERROR(WriteAll(fd_, path_, std::move(pieces)));
  size_ += bytes;
  bytes_ += bytes;
  return absl::OkStatus();
}

absl::Status SegmentWriter::Sync() {
  Stopwatch watch;
  if (::fdatasync(fd_) != 0) return FileError("sync", path_, errno);
  sync_s_ = watch.Elapsed();
  on_disk_ = size_;
  return absl::OkStatus();
}

// Only what is surely on disk stays; a cut that fails leaves bytes that no reader takes for
// records of the log, because the next segment begins where they would.
void SegmentWriter::Leave() {
  if (fd_ < 0) return;
  if (on_disk_ == 0) {
    (void)::unlink(path_.c_str());
  } else if (::ftruncate(fd_, static_cast<off_t>(on_disk_)) != 0) {
    errno = 0;
  }
  (void)::close(std::exchange(fd_, -1));
  size_ = on_disk_ = 0;
}

}  // namespace pmoe
