#include "common/metrics/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/file.h"

namespace pmoe {
absl::StatusOr<AppendFile> AppendFile::Create(const std::string& path) {
  return OpenWith(path, O_CREAT | O_EXCL);
}

absl::StatusOr<AppendFile> AppendFile::Open(const std::string& path) { return OpenWith(path, 0); }

absl::StatusOr<AppendFile> AppendFile::OpenWith(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return FileError(flags != 0 ? "create" : "open", path, errno);
  const off_t size = ::lseek(fd, 0, SEEK_END);
  return AppendFile(path, fd, size < 0 ? 0 : size);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status AppendFile::Append(absl::string_view record) {
  absl::string_view rest = record;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      // Where even that fails the reader of the file drops the torn record.
      if (::ftruncate(fd_, size_) != 0) return FileError("write and mend", path_, error);
      return FileError("write", path_, error);
    }
    rest.remove_prefix(static_cast<size_t>(n));
  }
  size_ += static_cast<int64_t>(record.size());
  return absl::OkStatus();
}

}  // namespace pmoe
