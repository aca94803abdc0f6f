#include "learner/ppo/running_moments.h"

#include <cmath>

namespace pmoe {
namespace {
constexpr double kVarianceFloor = 1e-8;
}  // namespace

// Row by row, as they lie: each dimension's sums go through its rows in order all the same.
void RunningMoments::Update(absl::Span<const float> rows) {
  const size_t dims = mean_.size(), n = rows.size() / dims;
  if (n == 0) return;
  const double added = static_cast<double>(n), total = count_ + added;
  std::vector<double> mean(dims, 0.0), squares(dims, 0.0);
  for (size_t r = 0; r < n; ++r) {
    const float* const row = rows.data() + r * dims;
    for (size_t i = 0; i < dims; ++i) mean[i] += row[i];
  }
  for (double& x : mean) x /= added;
  for (size_t r = 0; r < n; ++r) {
    const float* const row = rows.data() + r * dims;
    for (size_t i = 0; i < dims; ++i) {
      const double d = row[i] - mean[i];
      squares[i] += d * d;
    }
  }
  for (size_t i = 0; i < dims; ++i) {
    const double apart = mean[i] - mean_[i];
    const double before = count_ > 0.0 ? variance_[i] * count_ : 0.0;
    variance_[i] = (before + squares[i] + apart * apart * count_ * added / total) / total;
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
