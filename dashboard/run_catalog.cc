#include "dashboard/run_catalog.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file_lock.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr double kSearchEvery_s = 2.0;
constexpr int64_t kClocksApart_s = 2;  // a file server's and this machine's, where both are right

// The last change of a regular file; nullopt where there is none.
std::optional<int64_t> ChangedAt(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return info.st_mtim.tv_sec;
}

std::string Normal(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return error ? path : real.string();
}

// The folder's own name: "runs" of "../runs/".
std::string NameOf(const std::string& path) { return fs::path(Normal(path)).filename().string(); }

}  // namespace

std::vector<RunEntry> RunCatalog::List() {
  std::vector<RunEntry> list;
  {
    MutexLock lock(&mu_);
    Search();
    for (const auto& [id, entry] : runs_) list.push_back(entry);
  }
  std::sort(list.begin(), list.end(), [](const RunEntry& a, const RunEntry& b) {
    return std::tie(b.changed_unix_s, a.id) < std::tie(a.changed_unix_s, b.id);
  });
  return list;
}

std::optional<RunEntry> RunCatalog::Find(const std::string& id) {
  MutexLock lock(&mu_);
  Search();
  const auto at = runs_.find(id);
  if (at == runs_.end()) return std::nullopt;
  return at->second;
}

std::string RunCatalog::IdOf(const std::string& path) {
  MutexLock lock(&mu_);
  Search();
  const std::string wanted = Normal(path);
  for (const auto& [id, entry] : runs_) {
    if (Normal(entry.path) == wanted) return id;
  }
  return "";
}

void RunCatalog::Search() {
  if (searched_ && since_search_.Elapsed() < kSearchEvery_s) return;
  searched_ = true;
  unwatched_s_ = since_search_.Lap();
  runs_.clear();
  changes_before_ = std::exchange(changes_, {});
  facts_.BeginSearch();
  int budget = kFoldersMax;
  for (const RunFolder& folder : folders_) {
    SearchBelow(folder, folder.path, folder.depth, &budget);
  }
  facts_.EndSearch();
}

void RunCatalog::SearchBelow(const RunFolder& root, const std::string& path, int depth,
                             int* budget) {
  if (runs_.size() >= kRunsMax || --*budget < 0) return;
  if (ChangedAt(path + "/config.textproto").has_value()) {
    AddRun(root, path);
    return;
  }
  if (depth == 0) return;
  std::error_code error;
  std::vector<std::string> below;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (--*budget < 0) break;
    if (absl::StartsWith(entry.path().filename().string(), ".")) continue;
    // Links could lead out of the folder, or in circles.
    if (entry.is_directory(error) && !entry.is_symlink(error)) below.push_back(entry.path());
  }
  std::sort(below.begin(), below.end());
  for (const std::string& folder : below) SearchBelow(root, folder, depth - 1, budget);
}

void RunCatalog::AddRun(const RunFolder& root, const std::string& path) {
  RunEntry entry;
  entry.path = path;
  entry.id =
      path == root.path ? NameOf(path) : fs::path(path).lexically_relative(root.path).string();
  // Two folders may hold runs of one name.
  const std::string name = entry.id;
  for (int i = 2; runs_.contains(entry.id); ++i) {
    if (Normal(runs_[entry.id].path) == Normal(path)) return;
    entry.id = absl::StrCat(name, " (", i, ")");
  }
  const std::optional<int64_t> configured = ChangedAt(path + "/config.textproto");
  if (!configured.has_value()) return;
  entry.facts = facts_.Of(path);
  entry.held = FileLock::Holder(path + "/lock") != 0;
  entry.changed_unix_s =
      std::max(*configured, ChangedAt(path + "/metrics.csv").value_or(*configured));
  Change change{entry.changed_unix_s};
  if (const auto before = changes_before_.find(path); before != changes_before_.end()) {
    const bool same = before->second.unix_s == change.unix_s;
    change.seen_at_s = same ? before->second.seen_at_s : uptime_.Elapsed() - AgeOf(change);
  }
  entry.changed_ago_s = SecondsSince(change);
  changes_[path] = change;
  runs_.emplace(entry.id, std::move(entry));
}

// It changed since the search before, at a time that the files' clock says.
double RunCatalog::AgeOf(const Change& change) const {
  const double said_s = static_cast<double>(absl::ToUnixSeconds(absl::Now()) - change.unix_s);
  return std::clamp(said_s, 0.0, unwatched_s_);
}

std::optional<int64_t> RunCatalog::SecondsSince(const Change& change) const {
  if (change.seen_at_s.has_value()) {
    return static_cast<int64_t>(uptime_.Elapsed() - *change.seen_at_s);
  }
  const int64_t ago_s = absl::ToUnixSeconds(absl::Now()) - change.unix_s;
  if (ago_s < -kClocksApart_s) return std::nullopt;
  return std::max<int64_t>(0, ago_s);
}

}  // namespace pmoe
