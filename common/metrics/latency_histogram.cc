#include "common/metrics/latency_histogram.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace pmoe {
namespace {

constexpr std::chrono::seconds kGeneration(30);
constexpr size_t kDecades = 9;
// A decade in ten parts that people can read (Renard's R10).
constexpr double kParts[] = {1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0};

// Upper ends of all buckets but the last, which has none.
const std::vector<double>& Ends_s() {
  static const std::vector<double>& ends = *new std::vector<double>([] {
    std::vector<double> made;
    // A power of ten divides, so that 2 ms is the number that people write as 0.002.
    double divisor = 1e6;
    for (size_t decade = 0; decade < kDecades; ++decade, divisor /= 10.0) {
      for (const double part : kParts) {
        made.push_back(divisor >= 1.0 ? part / divisor : part * (1.0 / divisor));
      }
    }
    return made;
  }());
  return ends;
}

bool IsCoarse(size_t bucket) {
  const double part = kParts[bucket % std::size(kParts)];
  return part == 1.0 || part == 2.0 || part == 5.0;
}

}  // namespace

LatencyHistogram::LatencyHistogram(const Clock* clock) : clock_(clock), turned_(clock->Now()) {}

const std::vector<double>& LatencyHistogram::CoarseEnds_s() {
  static const std::vector<double>& coarse = *new std::vector<double>([] {
    std::vector<double> made;
    for (size_t i = 0; i < Ends_s().size(); ++i) {
      if (IsCoarse(i)) made.push_back(Ends_s()[i]);
    }
    return made;
  }());
  return coarse;
}

void LatencyHistogram::Turn() const {
  const Clock::Time now = clock_->Now();
  if (now < turned_ + kGeneration) return;
  older_ = now < turned_ + 2 * kGeneration ? younger_ : Generation();
  younger_ = Generation();
  turned_ = now;
}

void LatencyHistogram::Add(double seconds) {
  const double took_s = std::max(seconds, 0.0);
  const std::vector<double>& ends = Ends_s();
  const size_t bucket =
      static_cast<size_t>(std::lower_bound(ends.begin(), ends.end(), took_s) - ends.begin());
  MutexLock lock(&mu_);
  Turn();
  ++events_[bucket];
  sum_s_ += took_s;
  ++younger_.events[bucket];
  younger_.max_s = std::max(younger_.max_s, took_s);
}

LatencyHistogram::Quantiles LatencyHistogram::Lately() const {
  MutexLock lock(&mu_);
  Turn();
  Quantiles lately;
  lately.max = std::max(younger_.max_s, older_.max_s);
  std::array<uint64_t, kBuckets> cumulative{};
  for (size_t i = 0; i < kBuckets; ++i) {
    lately.count += younger_.events[i] + older_.events[i];
    cumulative[i] = lately.count;
  }
  const auto quantile = [&](double share) {
    const double rank = std::ceil(share * static_cast<double>(lately.count));
    for (size_t i = 0; i + 1 < kBuckets; ++i) {
      if (static_cast<double>(cumulative[i]) >= rank) return std::min(Ends_s()[i], lately.max);
    }
    return lately.max;
  };
  if (lately.count == 0) return Quantiles();
  lately.p50 = quantile(0.5);
  lately.p90 = quantile(0.9);
  lately.p99 = quantile(0.99);
  return lately;
}

LatencyHistogram::Counts LatencyHistogram::SinceStart() const {
  MutexLock lock(&mu_);
  Counts counts;
  counts.sum_s = sum_s_;
  double events = 0.0;
  for (size_t i = 0; i < kBuckets; ++i) {
    events += static_cast<double>(events_[i]);
    if (i + 1 < kBuckets && !IsCoarse(i)) continue;
    counts.events.push_back(events);
    events = 0.0;
  }
  return counts;
}

}  // namespace pmoe
