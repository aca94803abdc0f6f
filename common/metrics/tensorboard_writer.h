// Scalar curves in TensorBoard's event format: TFRecords (length, masked CRC32C, payload, masked
// CRC32C) of Event messages in events.out.tfevents.<time>.<host>. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/metrics/append_file.h"
#include "common/metrics/csv_writer.h"

namespace pmoe {

class TensorBoardWriter {
 public:
  // A new file in `directory`. `wall_time_s` is seconds since 1970.
  static absl::StatusOr<TensorBoardWriter> Create(const std::string& directory, double wall_time_s);

  // Also makes TensorBoard forget what older files of the folder say beyond last_step.
  static absl::StatusOr<TensorBoardWriter> Resume(const std::string& directory, double wall_time_s,
                                                  int64_t last_step);

  // One event with all values of the row; they become 32-bit floats. ResourceExhaustedError on a
  // full disk.
  absl::Status Write(int64_t step, double wall_time_s, const MetricRow& row);

  const std::string& path() const { return file_.path(); }

 private:
  explicit TensorBoardWriter(AppendFile file) : file_(std::move(file)) {}

  AppendFile file_;
};

// One record as it stands in the file.
std::string TfRecord(absl::string_view payload);

}  // namespace pmoe
