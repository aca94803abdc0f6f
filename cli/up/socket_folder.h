// The private folder of one `pmoe up`, for sockets and certificates: of mode 0700, locked as long
// as the process lives, gone with the object. What a killed one has left goes when the next one
// starts. Move-only, thread-compatible.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/file_lock.h"

namespace pmoe {

class SocketFolder {
 public:
  // In $XDG_RUNTIME_DIR, or /tmp where that is unset or too long for a socket's name. Removes the
  // folders there that this user's killed processes left, and says so.
  static absl::StatusOr<SocketFolder> Create();
  // In `base`.
  static absl::StatusOr<SocketFolder> CreateIn(const std::string& base);
  SocketFolder(SocketFolder&& other) noexcept;
  SocketFolder& operator=(SocketFolder&& other) = delete;
  ~SocketFolder();

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const;

 private:
  SocketFolder(std::string path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;  // empty: moved from
  std::optional<FileLock> lock_;
};

}  // namespace pmoe
