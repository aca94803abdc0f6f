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

RateLimiterOptions LimiterChange::ApplyTo(RateLimiterOptions options) const {
  options.min_size = min_size.value_or(options.min_size);
  options.samples_per_insert = samples_per_insert.value_or(options.samples_per_insert);
  options.error_window = error_window.value_or(options.error_window);
  return options;
}

RateLimiter::RateLimiter(const RateLimiterOptions& options) : made_with_(options) {
  Change(options);
}

void RateLimiter::Change(const RateLimiterOptions& options) {
  PMOE_CHECK(options.Validate().ok());
  options_ = options;
  window_ = options.Window();
  counted_from_ = std::max(options.min_size, inserted_);
  sampled_ = 0;
}

// In a pause rows are as if they had been there before: they do not move the surplus.
void RateLimiter::OnInsert(int64_t rows) {
  inserted_ += rows;
  if (paused() && inserted_ > counted_from_) {
    counted_from_ += std::min(rows, inserted_ - counted_from_);
  }
}

void RateLimiter::Settle() {
  if (inserted_ < counted_from_) {
    sampled_ = 0;
  } else if (const double surplus = Surplus(); std::abs(surplus) > window_) {
    sampled_ += std::llround(surplus - std::copysign(window_, surplus));
  }
}

double RateLimiter::Surplus() const {
  return options_.samples_per_insert * static_cast<double>(inserted_ - counted_from_) -
         static_cast<double>(sampled_);
}

bool RateLimiter::CanInsert(int64_t rows) const {
  if (paused() || inserted_ + rows <= options_.min_size) return true;
  return Surplus() + options_.samples_per_insert * static_cast<double>(rows) <= window_;
}

bool RateLimiter::CanSample(int64_t rows) const {
  return !paused() && inserted_ >= options_.min_size &&
         Surplus() - static_cast<double>(rows) >= -window_;
}

int64_t RateLimiter::InsertBound() const {
  const double counted = (window_ + static_cast<double>(sampled_)) / options_.samples_per_insert;
  constexpr double kMax = 1e18;
  const int64_t bound = counted_from_ + static_cast<int64_t>(std::min(counted, kMax));
  return CanInsert(bound - inserted_) ? bound : bound - 1;  // the two round differently
}

std::string RateLimiter::Explain() const {
  const double r = options_.samples_per_insert;
  const std::string counts = absl::StrCat(inserted_, " rows inserted, ", sampled_, " sampled; ");
  const std::string surplus = absl::StrCat("surplus ", r, " * (", inserted_, " - ", counted_from_,
                                           ") - ", sampled_, " = ", Surplus());
  if (paused()) {
    return absl::StrCat(counts, "paused by ", paused_by_,
                        ": samples wait, inserts are neither held back nor counted, until "
                        "`pmoe-replay limiter ADDR --resume`");
  }
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
  RateLimiter saved = *this;
  const bool as_made = counted_from_ == made_with_.min_size &&
                       options_.samples_per_insert == made_with_.samples_per_insert;
  if (!as_made) {
    saved.options_.samples_per_insert = made_with_.samples_per_insert;
    saved.counted_from_ = made_with_.min_size;
    saved.sampled_ = 0;
    saved.sampled_ = std::max<int64_t>(0, std::llround(saved.Surplus() - Surplus()));
  }
  out->Pod(saved.inserted_);
  out->Pod(saved.sampled_);
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
