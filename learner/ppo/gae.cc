#include "learner/ppo/gae.h"

#include <cmath>

namespace pmoe {

Advantages EstimateAdvantages(const GaeOptions& options, const GaeInput& in) {
  Advantages out{std::vector<float>(in.reward.size()), std::vector<float>(in.reward.size())};
  for (size_t s = 0; s < in.segments.size(); ++s) {
    const RolloutSegment& segment = in.segments[s];
    double next_value =
        segment.end == SegmentEnd::kTerminated ? 0.0 : double{in.bootstrap_value[s]};
    double next_advantage = 0.0;
    for (int64_t t = segment.start + segment.length - 1; t >= segment.start; --t) {
      const size_t i = static_cast<size_t>(t);
      const double delta = in.reward[i] + options.gamma * next_value - in.value[i];
      next_advantage = delta + options.gamma * options.lambda * next_advantage;
      next_value = in.value[i];
      out.advantage[i] = static_cast<float>(next_advantage);
      out.returns[i] = static_cast<float>(next_advantage + in.value[i]);
    }
  }
  return out;
}

void Standardize(std::vector<float>* x) {
  double mean = 0.0, squares = 0.0;
  const double n = static_cast<double>(x->size());
  for (const float value : *x) mean += value / n;
  for (const float value : *x) squares += (value - mean) * (value - mean) / n;
  const double std = std::sqrt(squares) + 1e-8;
  for (float& value : *x) value = static_cast<float>((value - mean) / std);
}

}  // namespace pmoe
