#include "cli/up/socket_folder.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "pmoe-up-";    // earlier builds' folders, pmoe-XXXXXX, have no lock
constexpr size_t kRuntimeFolderMax = 70;  // leaves room for the sockets' names
constexpr int kTriesMax = 10;

// Ours, and no link: in /tmp everybody may give a name to anything.
bool IsOwnFolder(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() &&
         (info.st_mode & 0077) == 0;
}

// Whose lock is free has no process any more.
void SweepStale(const std::string& base) {
  std::vector<std::string> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(base, error)) {
    if (absl::StartsWith(entry.path().filename().string(), kPrefix)) found.push_back(entry.path());
  }
  for (const std::string& path : found) {
    if (!IsOwnFolder(path)) continue;
    const absl::StatusOr<std::optional<FileLock>> lock = FileLock::TryFolder(path);
    if (!lock.ok() || !lock->has_value() || !(*lock)->IsStill(path)) continue;
    fs::remove_all(path, error);
    if (!error) {
      Log(LogLevel::kInfo, "removed ", path, ", the sockets and certificates of a killed pmoe up");
    }
  }
}

}  // namespace

absl::StatusOr<SocketFolder> SocketFolder::Create() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  const bool usable = runtime != nullptr && std::string(runtime).size() < kRuntimeFolderMax;
  return CreateIn(usable ? runtime : "/tmp");
}

absl::StatusOr<SocketFolder> SocketFolder::CreateIn(const std::string& base) {
  SweepStale(base);
  for (int i = 0; i < kTriesMax; ++i) {
    std::string path = absl::StrCat(base, "/", kPrefix, "XXXXXX");
    if (::mkdtemp(path.data()) == nullptr) break;
    PMOE_ASSIGN_OR_RETURN(std::optional<FileLock> lock, FileLock::TryFolder(path));
    // Between the two lines another one that starts may have taken it for a stale one.
    if (lock.has_value() && lock->IsStill(path)) return SocketFolder(path, *std::move(lock));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("cannot make a folder for sockets like ", base, "/", kPrefix,
                   "XXXXXX; may you write there? XDG_RUNTIME_DIR names another"));
}

SocketFolder::SocketFolder(SocketFolder&& other) noexcept
    : path_(std::exchange(other.path_, "")), lock_(std::move(other.lock_)) {}

SocketFolder::~SocketFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

std::string SocketFolder::File(const std::string& name) const {
  return absl::StrCat(path_, "/", name);
}

}  // namespace pmoe
