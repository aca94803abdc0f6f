#include "cli/watch/seeds_status.h"

#include <chrono>
#include <filesystem>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/seed_folder.h"
#include "nlohmann/json.hpp"
#include "run/seed_run.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr double kClocksApart_s = 1.0;  // a file server's and this machine's, where both are right

// Of each line "DATE TIME seed N TEXT" of log.txt the text, the last one by seed.
std::map<uint64_t, std::string> LastSaid(const std::string& directory) {
  std::map<uint64_t, std::string> said;
  const absl::StatusOr<std::string> text = ReadFile(directory + "/log.txt");
  if (!text.ok()) return said;
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(' ', 4));
    uint64_t seed = 0;
    if (parts.size() < 5 || parts[2] != "seed" || !absl::SimpleAtoi(parts[3], &seed)) continue;
    said[seed] = std::string(parts[4]);
  }
  return said;
}

std::optional<double> SecondsSinceWritten(const std::string& file) {
  std::error_code error;
  const fs::file_time_type written = fs::last_write_time(file, error);
  if (error) return std::nullopt;
  const double seconds =
      std::chrono::duration<double>(fs::file_time_type::clock::now() - written).count();
  // Written by a machine whose clock is ahead, or before this one's went back: nobody knows.
  if (seconds < -kClocksApart_s) return std::nullopt;
  return std::max(0.0, seconds);
}

absl::StatusOr<SeedRow> ReadSeedRow(const std::string& directory, uint64_t seed) {
  SeedRow row;
  row.seed = seed;
  row.directory = SeedRunPath(directory, seed);
  const std::string file = row.directory + "/config.textproto";
  PMOE_ASSIGN_OR_RETURN(const std::string text, ReadText(file));
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ParseConfigText(text, file));
  const LastMetrics metrics = ReadLastMetrics(row.directory);
  row.env_steps = metrics.env_steps;
  row.eval_return = metrics.eval_return;
  row.total_steps = static_cast<int64_t>(TotalSteps(config));
  row.written_s = SecondsSinceWritten(row.directory + "/metrics.csv");
  return row;
}

}  // namespace

absl::StatusOr<std::vector<SeedRow>> ReadSeedRows(const std::string& directory) {
  std::vector<SeedRow> rows;
  std::map<uint64_t, std::string> said = LastSaid(directory);
  for (const uint64_t seed : SeedsIn(directory)) {
    PMOE_ASSIGN_OR_RETURN(SeedRow row, ReadSeedRow(directory, seed));
    row.said = std::move(said[seed]);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> SeedRowLines(const std::vector<SeedRow>& rows) {
  std::vector<std::string> lines = {
      absl::StrFormat("%6s %22s %9s %10s  %s", "SEED", "ENV STEPS", "RETURN", "WRITTEN", "LOG")};
  for (const SeedRow& row : rows) {
    const std::string evaluation =
        row.eval_return.has_value() ? absl::StrFormat("%.1f", *row.eval_return) : "";
    const std::string written =
        row.written_s.has_value() ? absl::StrFormat("%.0f s ago", *row.written_s) : "";
    lines.push_back(absl::StrFormat("%6d %22s %9s %10s  %s", row.seed,
                                    absl::StrCat(row.env_steps, " of ", row.total_steps),
                                    evaluation, written, row.said));
  }
  return lines;
}

std::string SeedRowsJson(const std::vector<SeedRow>& rows) {
  const auto number = [](const std::optional<double>& value) {
    return value.has_value() ? nlohmann::json(*value) : nlohmann::json();
  };
  nlohmann::json all = nlohmann::json::array();
  for (const SeedRow& row : rows) {
    all.push_back({{"seed", row.seed},
                   {"directory", row.directory},
                   {"env_steps", row.env_steps},
                   {"total_steps", row.total_steps},
                   {"eval_return", number(row.eval_return)},
                   {"written_s", number(row.written_s)},
                   {"log", row.said}});
  }
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pmoe
