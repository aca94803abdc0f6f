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
                : ""));
  }
  return absl::NotFoundError(absl::StrCat(
      named, " holds the runs of seeds ", absl::StrJoin(seeds, ", "), ": name one of them, like ",
      flag, flag.empty() ? "" : " ", SeedRunPath(directory, seeds.front())));
}

}  // namespace pmoe
