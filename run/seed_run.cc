#include "run/seed_run.h"

#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/metrics/csv_reader.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr char kConfig[] = "config.textproto";

}  // namespace

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
