// Generalised advantage estimation (Schulman et al. 2016, arXiv 1506.02438 Eq. 16) over a rollout's
// segments. Pure function, float64 inside.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "replay/core/rollout.h"

namespace pmoe {

struct GaeOptions {
  double gamma = 0.99;
  double lambda = 0.95;
};

// N rows, S segments.
struct GaeInput {
  absl::Span<const RolloutSegment> segments;  // [S]
  absl::Span<const float> reward;             // [N]
  absl::Span<const float> value;              // [N]
  absl::Span<const float> bootstrap_value;    // [S], of each segment's successor
};

struct Advantages {
  std::vector<float> advantage;  // [N]
  std::vector<float> returns;    // [N], advantage + value: the value's target
};

// A_t = delta_t + gamma lambda A_{t+1}, delta_t = r_t + gamma V_{t+1} - V_t. A segment's last row
// bootstraps from its successor, also where a time limit or the rollout's end cut it; not after a
// termination.
Advantages EstimateAdvantages(const GaeOptions& options, const GaeInput& in);

// x <- (x - mean) / (std + 1e-8), population std.
void Standardize(std::vector<float>* x);

}  // namespace pmoe
