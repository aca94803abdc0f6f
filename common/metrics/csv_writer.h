// metrics.csv: a fixed header, then one row per call, readable as soon as the call returns.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/metrics/append_file.h"

namespace pmoe {

// Column or tag to value; what is absent was not measured.
using MetricRow = std::map<std::string, double>;

class CsvWriter {
 public:
  // The first of `columns` is env_steps. AlreadyExistsError where there is a file.
  static absl::StatusOr<CsvWriter> Create(const std::string& path,
                                          const std::vector<std::string>& columns);

  // Goes on with a file after its last row with env_steps <= last_env_steps; later rows, and one
  // that a crash tore, are dropped by an atomic rewrite; so are columns added that an older program
  // or setting did not write. Creates the file where there is none. FailedPreconditionError: it has
  // a column that is not among these.
  static absl::StatusOr<CsvWriter> Resume(const std::string& path,
                                          const std::vector<std::string>& columns,
                                          int64_t last_env_steps);

  // Numbers read back as the same bits; an absent column is an empty cell. InvalidArgumentError for
  // a name that is no column; ResourceExhaustedError on a full disk, which keeps the rows before.
  absl::Status Write(const MetricRow& row);

 private:
  CsvWriter(AppendFile file, std::vector<std::string> columns)
      : file_(std::move(file)), columns_(std::move(columns)) {}

  AppendFile file_;
  std::vector<std::string> columns_;
};

}  // namespace pmoe
