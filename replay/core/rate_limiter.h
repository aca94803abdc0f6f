// Keeps sampling and inserting in proportion, after Reverb's SampleToInsertRatio. With I rows
// inserted, S rows sampled, r samples_per_insert and the surplus d = r * (I - min_size) - S:
//   sampling b rows needs I >= min_size and d - b >= -error_window;
//   inserting n rows needs I + n <= min_size or d + r * n <= error_window.
// Counting starts at min_size, so no burst of samples follows the warm-up. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/base/bytes.h"

namespace pmoe {

struct RateLimiterOptions {
  int64_t min_size = 1;             // rows inserted before the first sample
  double samples_per_insert = 1.0;  // rows sampled per row inserted: batch size * updates per step
  // Rows sampled by which either side may run ahead. 0: the larger of a tenth of min_size's samples
  // and twice the least that makes progress.
  double error_window = 0.0;
  int64_t insert_max = 1;  // rows of the largest insert
  int64_t sample_max = 1;  // rows of the largest sample

  // Refuses settings under which both sides could wait for each other for ever.
  absl::Status Validate() const;
  // error_window, or what 0 stands for.
  double Window() const;
};

class RateLimiter {
 public:
  // The options must be valid.
  explicit RateLimiter(const RateLimiterOptions& options);

  bool CanInsert(int64_t rows) const;
  bool CanSample(int64_t rows) const;
  // The most rows that may ever be inserted while nothing more is sampled: CanInsert as a bound.
  int64_t InsertBound() const;
  void OnInsert(int64_t rows) { inserted_ += rows; }
  void OnSample(int64_t rows) { sampled_ += rows; }

  // Both inequalities with today's numbers and which side they block, for people.
  std::string Explain() const;

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  double Surplus() const;

  RateLimiterOptions options_;
  double window_;
  int64_t inserted_ = 0;
  int64_t sampled_ = 0;
};

}  // namespace pmoe
