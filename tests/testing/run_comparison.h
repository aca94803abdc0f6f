// What runs left behind, read and compared.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "gtest/gtest.h"

namespace pmoe {

inline std::string BytesOf(const std::string& path) {
  absl::StatusOr<std::string> bytes = ReadFile(path);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *std::move(bytes) : "";
}

// Rows of metrics.csv, the names first.
inline std::vector<std::vector<std::string>> MetricCells(const std::string& run) {
  std::vector<std::vector<std::string>> rows;
  for (const absl::string_view line :
       absl::StrSplit(BytesOf(run + "/metrics.csv"), '\n', absl::SkipEmpty())) {
    rows.push_back(absl::StrSplit(line, ','));
  }
  return rows;
}

// metrics.csv without its columns of seconds and rates.
inline std::string MetricsWithoutTimes(const std::string& run) {
  const std::vector<std::vector<std::string>> rows = MetricCells(run);
  std::string kept;
  for (const std::vector<std::string>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (!absl::EndsWith(rows[0].at(i), "_s")) absl::StrAppend(&kept, row[i], ",");
    }
    kept += '\n';
  }
  return kept;
}

// Of the last row.
inline std::string LastCell(const std::string& run, const std::string& column) {
  const std::vector<std::vector<std::string>> rows = MetricCells(run);
  const auto at = std::find(rows[0].begin(), rows[0].end(), column) - rows[0].begin();
  return rows.back().at(static_cast<size_t>(at));
}

inline double BestEvaluation(const std::string& run) {
  constexpr size_t kEvalReturn = 3;
  double best = -1e9;
  const std::vector<std::vector<std::string>> rows = MetricCells(run);
  for (size_t i = 1; i < rows.size(); ++i) {
    if (!rows[i].at(kEvalReturn).empty()) best = std::max(best, std::stod(rows[i][kEvalReturn]));
  }
  return best;
}

inline void ExpectSameRun(const std::string& a, const std::string& b, int steps) {
  for (const std::string& file :
       {absl::StrCat("/checkpoints/", steps, "/state.pmoe"),
        absl::StrCat("/replay/", steps, ".table"), std::string("/snapshots/best.pmoe"),
        std::string("/snapshots/latest.pmoe")}) {
    EXPECT_TRUE(BytesOf(a + file) == BytesOf(b + file)) << file << " differs";
  }
  EXPECT_EQ(MetricsWithoutTimes(a), MetricsWithoutTimes(b));
}

}  // namespace pmoe
