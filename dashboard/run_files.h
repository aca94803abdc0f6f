// What the page shows of a run's files, following them as they grow. Thread-compatible.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/metrics/csv_reader.h"
#include "dashboard/history.h"
#include "dashboard/run_marks.h"
#include "common/metrics/run_totals.h"
#include "dashboard/tail_file.h"

namespace pmoe {

// metrics.csv as a bounded history; seconds are the run's, over all its processes.
class MetricsFile {
 public:
  explicit MetricsFile(const std::string& path) : file_(path) {}

  // Takes in what the file has gained; nothing where there is no file yet.
  void Read();
  // Null until there is a row.
  const History* history() const { return history_.has_value() ? &*history_ : nullptr; }
  // Grows when the file has begun anew, as a resumed run's does.
  uint64_t reading() const { return reading_; }

 private:
  TailFile file_;
  CsvReader reader_;
  std::optional<RunTotals> totals_;
  std::optional<History> history_;
  std::vector<double> row_;
  uint64_t reading_ = 1;
};

// The last lines of log.txt, and the marks of all.
class LogFile {
 public:
  static constexpr size_t kLinesMax = 200;
  static constexpr size_t kLineBytesMax = 500;  // a longer line is cut

  explicit LogFile(const std::string& path) : file_(path) {}

  // Takes in what the file has gained; nothing where there is no file yet.
  void Read();
  const std::deque<std::string>& lines() const { return lines_; }
  // Whole lines so far, those forgotten included.
  uint64_t lines_read() const { return lines_read_; }
  const RunMarks& marks() const { return marks_; }
  // Grows when the file has begun anew.
  uint64_t reading() const { return reading_; }

 private:
  void Add(absl::string_view bytes);

  TailFile file_;
  std::deque<std::string> lines_;
  std::string line_;  // one that is not whole yet
  uint64_t lines_read_ = 0;
  RunMarks marks_;
  uint64_t reading_ = 1;
};

}  // namespace pmoe
