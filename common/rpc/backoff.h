// How long to wait before the next attempt: 0.2 s growing by 1.6 up to 10 s, each drawn uniformly
// from (0, that] (full jitter), so that many clients do not come back at the same moment.
// Thread-compatible.
#pragma once

#include <algorithm>
#include <chrono>

#include "common/base/rng.h"

namespace pmoe {

class Backoff {
 public:
  explicit Backoff(const Rng& rng) : rng_(rng) {}

  std::chrono::milliseconds Next() {
    const double bound_s = bound_s_;
    bound_s_ = std::min(bound_s_ * 1.6, 10.0);
    return std::chrono::milliseconds(1 + static_cast<int64_t>(1000.0 * bound_s * rng_.Uniform()));
  }
  // After a success.
  void Reset() { bound_s_ = kFirst_s; }

 private:
  static constexpr double kFirst_s = 0.2;
  Rng rng_;
  double bound_s_ = kFirst_s;
};

}  // namespace pmoe
