// A lock on a file or folder that one process holds at a time (flock): gone with the object, and
// with the process however it ends. Move-only, thread-compatible.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace pmoe {

class FileLock {
 public:
  // Makes the file where there is none. nullopt: somebody else holds it.
  static absl::StatusOr<std::optional<FileLock>> TryFile(const std::string& path);
  // Of a folder that is there; a link to one is not.
  static absl::StatusOr<std::optional<FileLock>> TryFolder(const std::string& path);
  // Whether somebody holds it now; changes nothing, and makes no file.
  static bool IsHeld(const std::string& path);
  // The process of this machine that holds it; 0: none that can be seen from here.
  static int Holder(const std::string& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) = delete;
  ~FileLock();

  // Of what is locked: the name may mean another by now.
  bool IsStill(const std::string& path) const;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  static absl::StatusOr<std::optional<FileLock>> Try(const std::string& path, int flags);

  int fd_;  // -1 when moved from
};

}  // namespace pmoe
