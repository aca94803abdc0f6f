// A run in TensorBoard's event format: its scalar curves, its settings as a text and as
// hyperparameters, and an animation. TFRecords (length, masked CRC32C, payload, masked CRC32C) of
// Event messages in events.out.tfevents.<time>.<host>. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/metrics/append_file.h"
#include "common/metrics/csv_writer.h"

namespace pmoe {

// What a run is made with.
struct RunSettings {
  std::string config_text{};
  std::vector<std::pair<std::string, std::string>> by_path{};  // path and text, as --set takes them
};

class TensorBoardWriter {
 public:
  // A new file in `directory`. `wall_time_s` is seconds since 1970.
  static absl::StatusOr<TensorBoardWriter> Create(const std::string& directory, double wall_time_s);

  // Also makes TensorBoard forget what older files of the folder say beyond last_step.
  static absl::StatusOr<TensorBoardWriter> Resume(const std::string& directory, double wall_time_s,
                                                  int64_t last_step);

  // As the text "config" and as a column of the hparams table for each setting. Once per file,
  // before its rows.
  absl::Status WriteSettings(int64_t step, double wall_time_s, const RunSettings& settings);

  // One event with all values of the row, by their TensorBoardTag; they become 32-bit floats.
  // ResourceExhaustedError on a full disk.
  absl::Status Write(int64_t step, double wall_time_s, const MetricRow& row);

  // Shown, and moving, among the images. InvalidArgumentError: no GIF file's bytes.
  absl::Status WriteGif(int64_t step, double wall_time_s, const std::string& tag,
                        const std::string& gif);

  const std::string& path() const { return file_.path(); }

 private:
  explicit TensorBoardWriter(AppendFile file) : file_(std::move(file)) {}

  AppendFile file_;
};

// One record as it stands in the file.
std::string TfRecord(absl::string_view payload);

}  // namespace pmoe
