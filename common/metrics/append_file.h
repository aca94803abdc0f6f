// A file that grows by whole records: each one is with the kernel before Append returns, and a
// record that did not fit is taken back, so that a full disk leaves only whole ones.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

class AppendFile {
 public:
  // AlreadyExistsError where there is a file.
  static absl::StatusOr<AppendFile> Create(const std::string& path);
  // Goes on behind the file's last byte; NotFoundError where there is none.
  static absl::StatusOr<AppendFile> Open(const std::string& path);

  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;
  ~AppendFile();

  // ResourceExhaustedError on a full disk.
  absl::Status Append(absl::string_view record);

  const std::string& path() const { return path_; }

 private:
  AppendFile(std::string path, int fd, int64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  static absl::StatusOr<AppendFile> OpenWith(const std::string& path, int flags);

  std::string path_;
  int fd_;  // -1 when moved from
  int64_t size_;
};

}  // namespace pmoe
