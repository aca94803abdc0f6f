// Mean and variance of a stream of vectors, by Chan's parallel formula in float64. Before the first
// update they are 0 and 1, so that version 0 normalises by the identity. Thread-compatible value.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/base/bytes.h"

namespace pmoe {

class RunningMoments {
 public:
  explicit RunningMoments(int dims) : mean_(dims, 0.0), variance_(dims, 1.0) {}

  // rows: [n, dims]. Population variance.
  void Update(absl::Span<const float> rows);

  const std::vector<double>& mean() const { return mean_; }
  double Std(int i) const;  // sqrt(variance + 1e-8)

  void SaveState(ByteWriter* out) const;
  void LoadState(ByteReader* in);

 private:
  double count_ = 0.0;
  std::vector<double> mean_, variance_;
};

}  // namespace pmoe
