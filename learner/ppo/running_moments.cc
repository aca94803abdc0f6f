#include "learner/ppo/running_moments.h"

#include <cmath>

namespace pmoe {
namespace {
constexpr double kVarianceFloor = 1e-8;
}  // namespace

void RunningMoments::Update(absl::Span<const float> rows) {
  const size_t dims = mean_.size(), n = rows.size() / dims;
  if (n == 0) return;
  const double added = static_cast<double>(n), total = count_ + added;
  for (size_t i = 0; i < dims; ++i) {
    double mean = 0.0, squares = 0.0;
    for (size_t r = 0; r < n; ++r) mean += rows[r * dims + i];
    mean /= added;
    for (size_t r = 0; r < n; ++r) {
      const double d = rows[r * dims + i] - mean;
      squares += d * d;
    }
    const double apart = mean - mean_[i];
    const double before = count_ > 0.0 ? variance_[i] * count_ : 0.0;
    variance_[i] = (before + squares + apart * apart * count_ * added / total) / total;
    mean_[i] += apart * added / total;
  }
  count_ = total;
}

double RunningMoments::Std(int i) const {
  return std::sqrt(variance_[static_cast<size_t>(i)] + kVarianceFloor);
}

void RunningMoments::SaveState(ByteWriter* out) const {
  out->Pod(count_);
  out->Vector(mean_);
  out->Vector(variance_);
}

void RunningMoments::LoadState(ByteReader* in) {
  in->Pod(&count_);
  in->Fill(absl::MakeSpan(mean_));
  in->Fill(absl::MakeSpan(variance_));
}

}  // namespace pmoe
