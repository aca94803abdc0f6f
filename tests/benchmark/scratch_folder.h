// A folder for a benchmark's files that goes with its owner. Thread-compatible.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace pmoe {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::error_code none;  // TMPDIR is no folder
    const std::filesystem::path where = std::filesystem::temp_directory_path(none);
    std::string name = (where / "pmoe-bench-XXXXXX").string();
    if (!none && mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  // Empty: it could not be made.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace pmoe
