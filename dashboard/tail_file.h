// What a file has gained since the last look, for files that another thread or process appends to.
// Refuses what is no regular file, symbolic links included: a run directory must not lead out of
// itself. Thread-compatible; keeps no descriptor open.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace pmoe {

class TailFile {
 public:
  explicit TailFile(std::string path) : path_(std::move(path)) {}

  struct News {
    std::string bytes;       // at most kPieceBytes: call again until it is empty
    bool restarted = false;  // another file has this name now, or it was cut: begin anew
  };
  static constexpr size_t kPieceBytes = 1 << 20;

  // NotFoundError: no such file (yet); FailedPreconditionError: not a regular file.
  absl::StatusOr<News> Read();

 private:
  const std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  int64_t offset_ = 0;
};

}  // namespace pmoe
