// Keeps sampling and inserting in proportion, after Reverb's SampleToInsertRatio. With I rows
// inserted, S rows sampled, r samples_per_insert and the surplus d = r * (I - min_size) - S:
//   sampling b rows needs I >= min_size and d - b >= -error_window;
//   inserting n rows needs I + n <= min_size or d + r * n <= error_window.
// Counting starts at min_size, so no burst of samples follows the warm-up. Where the settings
// change it starts anew at the rows that are in by then, with no samples: d is 0 whatever came
// before. While it is paused inserts are neither held back nor counted, and samples wait.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

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

  bool operator==(const RateLimiterOptions&) const = default;
};

// What is to be changed in a limiter; absent: stays.
struct LimiterChange {
  std::optional<int64_t> min_size{};
  std::optional<double> samples_per_insert{};
  std::optional<double> error_window{};  // 0: one is picked
  std::optional<bool> paused{};

  bool changes_settings() const { return min_size || samples_per_insert || error_window; }
  RateLimiterOptions ApplyTo(RateLimiterOptions options) const;
};

class RateLimiter {
 public:
  // The options must be valid.
  explicit RateLimiter(const RateLimiterOptions& options);

  bool CanInsert(int64_t rows) const;
  bool CanSample(int64_t rows) const;
  // The most rows that may ever be inserted while nothing more is sampled: CanInsert as a bound, up
  // to a row that rounding takes.
  int64_t InsertBound() const;
  void OnInsert(int64_t rows);
  void OnSample(int64_t rows) { sampled_ += rows; }

  // From now on, counted anew. The options must be valid.
  void Change(const RateLimiterOptions& options);
  // `who` does it, for people.
  void Pause(std::string who) { paused_by_ = std::move(who); }
  void Resume() { paused_by_.clear(); }
  bool paused() const { return !paused_by_.empty(); }
  const RateLimiterOptions& options() const { return options_; }
  // After a restart: neither side owes the other more than a window, however else the rows before
  // were counted.
  void Settle();

  // Both inequalities with today's numbers and which side they block, for people.
  std::string Explain() const;

  // As the settings that it was made with count, whatever holds now.
  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  double Surplus() const;

  RateLimiterOptions made_with_;
  RateLimiterOptions options_;
  double window_;
  int64_t inserted_ = 0;      // ever
  int64_t counted_from_ = 0;  // inserted rows that are before the counting: min_size, or more
  int64_t sampled_ = 0;       // since it began
  std::string paused_by_;     // empty: not paused
};

}  // namespace pmoe
