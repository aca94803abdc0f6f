#include "replay/core/rate_limiter.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "replay/core/chunk.h"

namespace pmoe {
namespace {

// Beyond them the sums of a run's rows and samples leave what 64 bits count.
constexpr double kRatioMin = 1e-9;
constexpr double kRatioMax = 1e9;

// Below this the largest insert and the largest sample could each be blocked by the other.
double SmallestWindow(const RateLimiterOptions& options) {
  return std::max(options.samples_per_insert * static_cast<double>(options.insert_max),
                  static_cast<double>(options.sample_max));
}

}  // namespace

double RateLimiterOptions::Window() const {
  if (error_window > 0.0) return error_window;
  return std::max(2.0 * SmallestWindow(*this),
                  0.1 * samples_per_insert * static_cast<double>(min_size));
}

absl::Status RateLimiterOptions::Validate() const {
  if (min_size < 1) {
    return absl::InvalidArgumentError(absl::StrCat("limiter.min_size must be >= 1, got ", min_size,
                                                   "; the first sample needs a row"));
  }
  if (min_size > kRowsMax || insert_max > kRowsMax || sample_max > kRowsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("limiter.min_size, insert_max and sample_max must be <= ", kRowsMax, ", got ",
                     min_size, ", ", insert_max, " and ", sample_max, "; no run has so many rows"));
  }
  if (!(samples_per_insert >= kRatioMin) || !(samples_per_insert <= kRatioMax)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "limiter.samples_per_insert must be in [", kRatioMin, ", ", kRatioMax, "], got ",
        samples_per_insert, "; it is usually batch size * updates per step"));
  }
  if (insert_max < 1 || sample_max < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("limiter.insert_max and sample_max must be >= 1, got ", insert_max, " and ",
                     sample_max, "; they are the rows of a chunk and of a minibatch"));
  }
  if (!(error_window >= 0.0) || !std::isfinite(error_window)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "limiter.error_window must be >= 0 and finite, got ", error_window, "; 0 picks one"));
  }
  if (Window() < SmallestWindow(*this)) {
    return absl::InvalidArgumentError(
        absl::StrCat("limiter.error_window must be >= ", SmallestWindow(*this),
                     " (the larger of insert_max ", insert_max, " * samples_per_insert ",
                     samples_per_insert, " and sample_max ", sample_max, "), got ", error_window,
                     "; below that inserts and samples can wait for each other for ever"));
  }
  return absl::OkStatus();
}

RateLimiter::RateLimiter(const RateLimiterOptions& options)
    : options_(options), window_(options.Window()) {
  PMOE_CHECK(options.Validate().ok());
}

double RateLimiter::Surplus() const {
  return options_.samples_per_insert * static_cast<double>(inserted_ - options_.min_size) -
         static_cast<double>(sampled_);
}

bool RateLimiter::CanInsert(int64_t rows) const {
  if (inserted_ + rows <= options_.min_size) return true;
  return Surplus() + options_.samples_per_insert * static_cast<double>(rows) <= window_;
}

bool RateLimiter::CanSample(int64_t rows) const {
  return inserted_ >= options_.min_size && Surplus() - static_cast<double>(rows) >= -window_;
}

int64_t RateLimiter::InsertBound() const {
  const double counted = (window_ + static_cast<double>(sampled_)) / options_.samples_per_insert;
  constexpr double kMax = 1e18;
  const int64_t bound = options_.min_size + static_cast<int64_t>(std::min(counted, kMax));
  return CanInsert(bound - inserted_) ? bound : bound - 1;  // the two round differently
}

std::string RateLimiter::Explain() const {
  const double r = options_.samples_per_insert;
  const std::string counts = absl::StrCat(inserted_, " rows inserted, ", sampled_, " sampled; ");
  const std::string surplus = absl::StrCat("surplus ", r, " * (", inserted_, " - ",
                                           options_.min_size, ") - ", sampled_, " = ", Surplus());
  if (inserted_ < options_.min_size) {
    return absl::StrCat(counts, "samples are blocked: ", inserted_, " inserted < min_size ",
                        options_.min_size);
  }
  if (!CanSample(options_.sample_max)) {
    return absl::StrCat(counts, "samples are blocked: ", surplus, ", less ", options_.sample_max,
                        " for a sample is < -error_window ", -window_);
  }
  if (!CanInsert(options_.insert_max)) {
    return absl::StrCat(counts, "inserts are blocked: ", surplus, ", plus ", r, " * ",
                        options_.insert_max, " for an insert is > error_window ", window_);
  }
  return absl::StrCat(counts, "neither side is blocked: ", surplus, " within error_window ±",
                      window_);
}

void RateLimiter::SaveState(ByteWriter* out) const {
  out->Pod(inserted_);
  out->Pod(sampled_);
}

absl::Status RateLimiter::LoadState(ByteReader* in) {
  int64_t inserted = 0;
  int64_t sampled = 0;
  in->Pod(&inserted);
  in->Pod(&sampled);
  if (!in->ok() || inserted < 0 || sampled < 0) {
    return absl::DataLossError("bad rate limiter state");
  }
  inserted_ = inserted;
  sampled_ = sampled;
  return absl::OkStatus();
}

}  // namespace pmoe
