#include "common/base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kTemporary = ".tmp";
constexpr int kTriesMax = 1000;  // names that a killed process with this one's id has left

absl::Status WriteAll(int fd, const std::string& path, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(fd) != 0) return FileError("sync", path, errno);
  return absl::OkStatus();
}

// To the end, which a pipe does not tell before.
absl::StatusOr<std::string> ReadStream(int fd, const std::string& path) {
  constexpr size_t kBytesMax = size_t{1} << 30;
  std::string bytes, part(1 << 16, '\0');
  while (bytes.size() <= kBytesMax) {
    const ssize_t n = ::read(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("read", path, errno);
    if (n == 0) return bytes;
    bytes.append(part, 0, static_cast<size_t>(n));
  }
  return absl::InvalidArgumentError(absl::StrCat(path, " gives more than 1 GiB of text"));
}

// Opens a new file of a name that nobody else uses, and gives the name.
absl::StatusOr<int> OpenTemporary(const std::string& path, FileReaders readers, std::string* name) {
  static std::atomic<uint64_t> next{0};
  absl::StatusOr<int> fd = absl::InternalError("not tried");
  for (int i = 0; i < kTriesMax; ++i) {
    *name = absl::StrCat(path, ".", ::getpid(), "-", next++, kTemporary);
    fd = CreateNewFile(*name, readers);
    if (!absl::IsAlreadyExists(fd.status())) break;
  }
  return fd;
}

// Was it written by a process that is gone? Our own leave none while anybody looks.
bool IsLeftBehind(absl::string_view name) {
  if (!absl::ConsumeSuffix(&name, kTemporary)) return false;
  const size_t dash = name.rfind('-'), dot = name.rfind('.');
  int process = 0;
  uint64_t number = 0;
  const bool ours = dash != name.npos && dot != name.npos && dot < dash &&
                    absl::SimpleAtoi(name.substr(dot + 1, dash - dot - 1), &process) &&
                    absl::SimpleAtoi(name.substr(dash + 1), &number) && process > 0;
  return ours && (process == ::getpid() || (::kill(process, 0) != 0 && errno == ESRCH));
}

}  // namespace

absl::Status FileError(absl::string_view verb, const std::string& path, int error) {
  const std::string text = absl::StrCat("cannot ", verb, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(
          absl::StrCat(text, "; free some space, then resume the run"));
    case EEXIST:
      return absl::AlreadyExistsError(text);
    case ENOENT:
      return absl::NotFoundError(text);
    default:
      return absl::UnavailableError(text);
  }
}

absl::Status SyncParent(const std::string& path) {
  std::string parent = fs::path(path).parent_path().string();
  if (parent.empty()) parent = ".";
  const int fd = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FileError("open", parent, errno);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? absl::OkStatus() : FileError("sync", parent, error);
}

absl::StatusOr<int> CreateNewFile(const std::string& path, FileReaders readers) {
  const mode_t mode = readers == FileReaders::kPrivate ? 0600 : 0644;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) return FileError("create", path, errno);
  return fd;
}

std::vector<std::string> SweepTemporaries(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (IsLeftBehind(name)) names.push_back(name);
  }
  std::erase_if(
      names, [&](const std::string& name) { return !fs::remove(fs::path(folder) / name, error); });
  return names;
}

absl::Status WriteFileAtomic(const std::string& path, absl::string_view bytes,
                             FileReaders readers) {
  std::string tmp;
  PMOE_ASSIGN_OR_RETURN(const int fd, OpenTemporary(path, readers, &tmp));
  absl::Status status = WriteAll(fd, tmp, bytes);
  if (::close(fd) != 0 && status.ok()) status = FileError("close", tmp, errno);
  if (status.ok() && ::rename(tmp.c_str(), path.c_str()) != 0) {
    status = FileError("rename", tmp, errno);
  }
  if (!status.ok()) {
    ::unlink(tmp.c_str());
    return status;
  }
  return SyncParent(path);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  // O_NONBLOCK: a pipe of that name must not keep us.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FileError("open", path, errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return absl::NotFoundError(absl::StrCat(path, " is not a regular file"));
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  ::close(fd);
  if (done != bytes.size()) return absl::DataLossError(absl::StrCat("short read of ", path));
  return bytes;
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError("open", path, errno);
  struct stat info {};
  const bool readable = ::fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode);
  absl::StatusOr<std::string> text =
      readable ? ReadStream(fd, path)
               : absl::NotFoundError(absl::StrCat(path, " is a folder; name a file"));
  ::close(fd);
  if (text.ok() && absl::StartsWith(*text, kByteOrderMark)) text->erase(0, kByteOrderMark.size());
  return text;
}

DiskSpace DiskSpaceAt(const std::string& path) {
  std::error_code error;
  const fs::space_info space = fs::space(path, error);
  if (error) return {};
  return {space.available, space.capacity};
}

absl::Status MakeDirs(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FileError("create the folder", path, error.value());
  return absl::OkStatus();
}

}  // namespace pmoe
