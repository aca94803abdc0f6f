#include "common/base/memory_limit.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"

namespace pmoe {
namespace {

int64_t Lesser(int64_t a, int64_t b) {
  if (a <= 0 || b <= 0) return std::max<int64_t>(std::max(a, b), 0);
  return std::min(a, b);
}

// "max", and a file that is not there, are no limit.
int64_t ReadLimit(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadText(path);
  int64_t bytes = 0;
  return text.ok() && absl::SimpleAtoi(*text, &bytes) ? bytes : 0;
}

int64_t LimitUpwards(const std::string& root, absl::string_view group, const std::string& file) {
  int64_t limit = 0;
  for (std::string at(group);; at.resize(at.rfind('/'))) {
    limit = Lesser(limit, ReadLimit(absl::StrCat(root, at, "/", file)));
    if (at.find('/') == std::string::npos) return limit;
  }
}

}  // namespace

int64_t GroupMemoryLimit(const std::string& groups, const std::string& root) {
  int64_t limit = 0;
  for (const absl::string_view line : absl::StrSplit(groups, '\n', absl::SkipEmpty())) {
    // "0::/user.slice" (version 2), "9:memory:/docker/…" (version 1)
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const absl::string_view group = parts[2] == "/" ? "" : parts[2];
    if (parts[1].empty()) limit = Lesser(limit, LimitUpwards(root, group, "memory.max"));
    if (absl::StrContains(parts[1], "memory")) {
      limit = Lesser(limit, LimitUpwards(root + "/memory", group, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

int64_t MemoryLimit() {
  const int64_t machine = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE);
  const absl::StatusOr<std::string> groups = ReadText("/proc/self/cgroup");
  return Lesser(machine, groups.ok() ? GroupMemoryLimit(*groups, "/sys/fs/cgroup") : 0);
}

}  // namespace pmoe
