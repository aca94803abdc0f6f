// A run's metrics.csv as a bounded history that follows the file. Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/metrics/csv_reader.h"
#include "common/dashboard/history.h"
#include "common/dashboard/tail_file.h"

namespace pmoe {

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
  CsvReader decoder_;
  std::optional<History> history_;
  uint64_t reading_ = 1;
};

}  // namespace pmoe
