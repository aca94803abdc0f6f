#include "common/base/private_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/file.h"

namespace pmoe {
namespace {

absl::Status WriteNew(const std::string& path, absl::string_view bytes) {
  ::unlink(path.c_str());
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return FileError("create", path, errno);
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  if (n >= 0 && n < static_cast<ssize_t>(bytes.size())) errno = ENOSPC;  // a part of so few bytes
  const bool written = n == static_cast<ssize_t>(bytes.size()) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  return written ? absl::OkStatus() : FileError("write", path, error);
}

}  // namespace

absl::Status WritePrivateFile(const std::string& path, absl::string_view bytes) {
  const std::string made = path + ".new";
  absl::Status status = WriteNew(made, bytes);
  if (status.ok() && ::rename(made.c_str(), path.c_str()) != 0) {
    status = FileError("rename", made, errno);
  }
  if (status.ok()) return SyncParent(path);
  ::unlink(made.c_str());
  return status;
}

}  // namespace pmoe
