// How long one kind of event takes: counts in buckets that grow by a quarter, from a microsecond to
// a quarter of an hour, so that a quantile is right to a quarter of itself, and the memory is the
// same whatever comes. Quantiles are of the last minute or so, counts since the start. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/mutex.h"

namespace pmoe {

class LatencyHistogram {
 public:
  explicit LatencyHistogram(const Clock* clock = Clock::Real());

  // One event of so many seconds; less than 0 counts as 0.
  void Add(double seconds) ABSL_LOCKS_EXCLUDED(mu_);

  // Seconds; each quantile is the upper end of its bucket, and at most `max`.
  struct Quantiles {
    uint64_t count = 0;  // 0: nothing lately, and the rest says nothing
    double p50 = 0.0;
    double p90 = 0.0;
    double p99 = 0.0;
    double max = 0.0;
  };
  // Of the last 30 to 60 s.
  Quantiles Lately() const ABSL_LOCKS_EXCLUDED(mu_);

  // For Prometheus: since the start, in buckets whose upper ends are 1, 2 and 5 times a power of
  // ten, and one behind them.
  struct Counts {
    std::vector<double> events;  // [CoarseEnds_s().size() + 1], not cumulative
    double sum_s = 0.0;
  };
  static const std::vector<double>& CoarseEnds_s();
  Counts SinceStart() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr size_t kBuckets = 91;  // ten in each of nine decades, and what is longer
  struct Generation {
    std::array<uint64_t, kBuckets> events{};
    double max_s = 0.0;
  };
  void Turn() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Clock* const clock_;
  mutable Mutex mu_;
  std::array<uint64_t, kBuckets> events_ ABSL_GUARDED_BY(mu_){};  // since the start
  double sum_s_ ABSL_GUARDED_BY(mu_) = 0.0;
  // By turns: the younger one counts, both are read.
  mutable Generation younger_ ABSL_GUARDED_BY(mu_);
  mutable Generation older_ ABSL_GUARDED_BY(mu_);
  mutable Clock::Time turned_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
