#include "run/seed_folder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/seed_list.h"
#include "common/metrics/csv_reader.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr char kConfig[] = "config.textproto";
constexpr char kPrefix[] = "seed_";

}  // namespace

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

LastMetrics ReadLastMetrics(const std::string& run_directory) {
  LastMetrics last;
  const absl::StatusOr<std::string> text = ReadFile(run_directory + "/metrics.csv");
  if (!text.ok()) return last;
  CsvReader reader;
  reader.Feed(*text, [&](absl::Span<const double> row) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (std::isnan(row[i])) continue;
      if (reader.columns()[i] == "env_steps") last.env_steps = static_cast<int64_t>(row[i]);
      if (reader.columns()[i] == "eval_return_mean") last.eval_return = row[i];
    }
  });
  return last;
}

absl::Status ClearForNewStart(const RunDirectory& directory) {
  std::error_code error;
  std::vector<fs::path> old;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory.path(), error)) {
    const std::string name = entry.path().filename().string();
    if (name != kConfig && name != "lock") old.push_back(entry.path());
  }
  for (const fs::path& path : old) {
    fs::remove_all(path, error);
    if (error) {
      return absl::FailedPreconditionError(absl::StrCat(
          "cannot remove ", path.string(), " (", error.message(), "), which a run left that ended ",
          "before its first checkpoint; remove it by hand"));
    }
  }
  for (const char* folder : {"checkpoints", "replay", "snapshots"}) {
    PMOE_RETURN_IF_ERROR(MakeDirs(directory.File(folder)));
  }
  return absl::OkStatus();
}

}  // namespace pmoe
