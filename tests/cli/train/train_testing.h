// pmoe-train as a user runs it, and comparisons of what two runs left behind.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/check.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/run_process.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {

class TrainTest : public ::testing::Test {
 protected:
  static std::string Binary(const std::string& name) {
    const char* bin = std::getenv("PMOE_BIN_DIR");
    PMOE_CHECK(bin != nullptr);
    return absl::StrCat(bin, "/", name);
  }

  static std::vector<std::string> Command(std::vector<std::string> words,
                                          const std::vector<std::string>& more = {}) {
    words.insert(words.begin(), Binary("pmoe-train"));
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  ProcessResult Train(std::vector<std::string> words, const std::vector<std::string>& more = {}) {
    return RunProcess(Command(std::move(words), more));
  }

  // Trains into a folder of that name and expects success.
  std::string MustTrain(const std::string& name, std::vector<std::string> words,
                        const std::vector<std::string>& more = {}) {
    const std::string out = dir_.File(name);
    words.insert(words.end(), {"--out", out});
    const ProcessResult result = Train(words, more);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return out;
  }

  static std::string Bytes(const std::string& path) {
    absl::StatusOr<std::string> bytes = ReadFile(path);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.ok() ? *std::move(bytes) : "";
  }

  // metrics.csv without its columns of seconds and rates, which all end in _s.
  static std::string Metrics(const std::string& run) {
    std::vector<std::string> lines =
        absl::StrSplit(Bytes(run + "/metrics.csv"), '\n', absl::SkipEmpty());
    const std::vector<std::string> names = absl::StrSplit(lines.at(0), ',');
    std::string kept;
    for (const std::string& line : lines) {
      const std::vector<std::string> cells = absl::StrSplit(line, ',');
      for (size_t i = 0; i < names.size(); ++i) {
        if (!absl::EndsWith(names[i], "_s")) absl::StrAppend(&kept, cells.at(i), ",");
      }
      kept += '\n';
    }
    return kept;
  }

  // The column's value in the last row of metrics.csv.
  static std::string LastCell(const std::string& run, const std::string& column) {
    const std::vector<std::string> lines =
        absl::StrSplit(Bytes(run + "/metrics.csv"), '\n', absl::SkipEmpty());
    const std::vector<std::string> names = absl::StrSplit(lines.front(), ',');
    const std::vector<std::string> cells = absl::StrSplit(lines.back(), ',');
    return cells.at(std::find(names.begin(), names.end(), column) - names.begin());
  }

  static void ExpectSameRun(const std::string& a, const std::string& b, int steps) {
    for (const std::string& file :
         {absl::StrCat("/checkpoints/", steps, "/state.pmoe"),
          absl::StrCat("/replay/", steps, ".table"), std::string("/snapshots/best.pmoe"),
          std::string("/snapshots/latest.pmoe")}) {
      EXPECT_TRUE(Bytes(a + file) == Bytes(b + file)) << file << " differs";
    }
    EXPECT_EQ(Metrics(a), Metrics(b));
  }

  void ExpectUsageError(const std::vector<std::string>& words, const std::string& message) {
    const ProcessResult result = Train(words);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, ::testing::HasSubstr(message));
  }

  TempDir dir_;
};

}  // namespace pmoe
