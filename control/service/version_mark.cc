#include "control/service/version_mark.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/log.h"

namespace pmoe {

VersionMark::VersionMark(std::string path) : path_(std::move(path)) {
  const absl::StatusOr<std::string> text = ReadFile(path_);
  if (absl::IsNotFound(text.status())) return;
  if (text.ok() && absl::SimpleAtoi(*text, &before_)) {
    covered_ = before_;
    return;
  }
  before_ = 0;
  Log(LogLevel::kWarning, path_, " must hold a number; as it is, members that have newer weights ",
      "than the checkpoint's are started anew");
}

void VersionMark::Cover(uint64_t version) {
  if (version <= covered_) return;
  const uint64_t ahead = version + kBlock;
  const absl::Status status = WriteFileAtomic(path_, absl::StrCat(ahead, "\n"));
  if (status.ok()) {
    covered_ = ahead;
    return;
  }
  if (!std::exchange(said_, true)) Log(LogLevel::kWarning, status.message());
}

}  // namespace pmoe
