// A file for what others print, read piece by piece.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

#include "common/base/check.h"

namespace pmoe {

class WrittenFile {
 public:
  WrittenFile() { PMOE_CHECK(file_ != nullptr); }
  ~WrittenFile() { std::fclose(file_); }
  WrittenFile(const WrittenFile&) = delete;
  WrittenFile& operator=(const WrittenFile&) = delete;

  int fd() const { return ::fileno(file_); }
  // What was written since the last call.
  std::string Fresh() {
    std::string fresh(1 << 16, '\0');
    const ssize_t n = ::pread(fd(), fresh.data(), fresh.size(), seen_);
    PMOE_CHECK(n >= 0);
    fresh.resize(static_cast<size_t>(n));
    seen_ += n;
    return fresh;
  }

 private:
  std::FILE* const file_ = std::tmpfile();
  off_t seen_ = 0;
};

}  // namespace pmoe
