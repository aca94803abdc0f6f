#include "dashboard/tail_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"

namespace pmoe {

absl::StatusOr<TailFile::News> TailFile::Read() {
  // O_NONBLOCK: a pipe of that name must not keep us.
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat("no file ", path_));
    return FileError("read", path_, errno);
  }
  const absl::Cleanup close = [fd] { ::close(fd); };
  struct stat info;
  if (::fstat(fd, &info) != 0) return FileError("read", path_, errno);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path_, " is no regular file"));
  }
  News news;
  const bool known = inode_ != 0;
  if (info.st_dev != device_ || info.st_ino != inode_ || info.st_size < offset_) {
    news.restarted = known;
    device_ = info.st_dev;
    inode_ = info.st_ino;
    offset_ = 0;
  }
  if (info.st_size == offset_) return news;
  news.bytes.resize(std::min<size_t>(kPieceBytes, static_cast<size_t>(info.st_size - offset_)));
  const ssize_t n = ::pread(fd, news.bytes.data(), news.bytes.size(), offset_);
  if (n < 0) return FileError("read", path_, errno);
  news.bytes.resize(static_cast<size_t>(n));
  offset_ += n;
  return news;
}

}  // namespace pmoe
