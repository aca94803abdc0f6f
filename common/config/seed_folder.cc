#include "common/config/seed_folder.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr char kConfig[] = "config.textproto";
constexpr char kPrefix[] = "seed_";

// "; it holds runs: --run runs/a, --run runs/b": the newest first.
std::string RunsIn(const std::string& directory, absl::string_view flag) {
  constexpr size_t kRunsMax = 5;
  std::vector<std::pair<fs::file_time_type, std::string>> runs;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const fs::file_time_type written = fs::last_write_time(entry.path() / kConfig, error);
    if (!error) runs.emplace_back(written, entry.path().string());
  }
  if (runs.empty()) return "";
  std::sort(runs.rbegin(), runs.rend());
  std::string text = absl::StrCat("; it holds ", runs.size(), " runs, the newest first:");
  for (size_t i = 0; i < std::min(runs.size(), kRunsMax); ++i) {
    absl::StrAppend(&text, "\n  ", flag, flag.empty() ? "" : " ", runs[i].second);
  }
  return text;
}

}  // namespace

bool IsSeedPattern(absl::string_view path) { return absl::StrContains(path, kSeedMark); }

std::string SeedRunPath(const std::string& directory, uint64_t seed) {
  if (IsSeedPattern(directory)) {
    return absl::StrReplaceAll(directory, {{kSeedMark, absl::StrCat(seed)}});
  }
  return absl::StrCat(directory, "/", kPrefix, seed);
}

std::vector<uint64_t> SeedsIn(const std::string& directory) {
  std::vector<uint64_t> seeds;
  std::error_code error;
  if (fs::exists(fs::path(directory) / kConfig, error)) return seeds;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    absl::string_view number = name;
    uint64_t seed = 0;
    const bool named = absl::ConsumePrefix(&number, kPrefix) && absl::SimpleAtoi(number, &seed) &&
                       number == absl::StrCat(seed);
    if (named && fs::exists(entry.path() / kConfig, error)) seeds.push_back(seed);
  }
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

absl::Status NoRunIn(const std::string& directory, absl::string_view flag) {
  const std::string named = flag.empty() ? directory : absl::StrCat(flag, " ", directory);
  const std::vector<uint64_t> seeds = SeedsIn(directory);
  if (seeds.empty()) {
    std::error_code error;
    const bool had_one = fs::exists(fs::path(directory) / "checkpoints", error);
    return absl::NotFoundError(absl::StrCat(
        named, " is not a run directory: it has no config.textproto",
        had_one ? "; it has checkpoints: put the file back, as `pmoe config print` with the flags "
                  "of the run writes it"
                : RunsIn(directory, flag)));
  }
  return absl::NotFoundError(absl::StrCat(
      named, " holds the runs of seeds ", absl::StrJoin(seeds, ", "), ": name one of them, like ",
      flag, flag.empty() ? "" : " ", SeedRunPath(directory, seeds.front())));
}

}  // namespace pmoe
