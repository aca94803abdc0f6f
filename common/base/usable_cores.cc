#include "common/base/usable_cores.h"

#include <sched.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"

namespace pmoe {
namespace {

// 0: none.
double Lesser(double a, double b) {
  if (a <= 0.0 || b <= 0.0) return std::max({a, b, 0.0});
  return std::min(a, b);
}

// "max", -1 and a file that is not there are no quota.
double Quota(absl::string_view quota_us, absl::string_view period_us) {
  double quota = 0.0, period = 0.0;
  const bool limited = absl::SimpleAtod(quota_us, &quota) && absl::SimpleAtod(period_us, &period) &&
                       quota > 0.0 && period > 0.0;
  return limited ? quota / period : 0.0;
}

std::string Text(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadText(path);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

double QuotaOf2(const std::string& folder) {
  const std::vector<std::string> words = absl::StrSplit(Text(folder + "/cpu.max"), ' ');
  return words.size() == 2 ? Quota(words[0], words[1]) : 0.0;
}

double QuotaOf1(const std::string& folder) {
  return Quota(Text(folder + "/cpu.cfs_quota_us"), Text(folder + "/cpu.cfs_period_us"));
}

double QuotaUpwards(const std::string& root, absl::string_view group,
                    double (*quota_of)(const std::string&)) {
  double cores = 0.0;
  for (std::string at(group);; at.resize(at.rfind('/'))) {
    cores = Lesser(cores, quota_of(root + at));
    if (at.find('/') == std::string::npos) return cores;
  }
}

}  // namespace

double GroupCoreQuota(const std::string& groups, const std::string& root) {
  double cores = 0.0;
  for (const absl::string_view line : absl::StrSplit(groups, '\n', absl::SkipEmpty())) {
    // "0::/user.slice" (version 2), "4:cpu,cpuacct:/docker/…" (version 1)
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const absl::string_view group = parts[2] == "/" ? "" : parts[2];
    if (parts[1].empty()) cores = Lesser(cores, QuotaUpwards(root, group, QuotaOf2));
    const std::vector<absl::string_view> controllers = absl::StrSplit(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), "cpu") != controllers.end()) {
      cores = Lesser(cores, QuotaUpwards(root + "/cpu", group, QuotaOf1));
    }
  }
  return cores;
}

int UsableCores() {
  cpu_set_t set;
  int cores = sched_getaffinity(0, sizeof(set), &set) == 0
                  ? CPU_COUNT(&set)
                  : static_cast<int>(std::thread::hardware_concurrency());
  cores = std::max(1, cores);
  const absl::StatusOr<std::string> groups = ReadText("/proc/self/cgroup");
  const double quota = groups.ok() ? GroupCoreQuota(*groups, "/sys/fs/cgroup") : 0.0;
  return quota > 0.0 ? std::clamp(static_cast<int>(quota), 1, cores) : cores;
}

}  // namespace pmoe
