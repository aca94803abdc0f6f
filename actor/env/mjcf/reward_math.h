// The reward terms of task files as numbers of numbers. Pure functions; tests hold each against a
// line of NumPy.
#pragma once

#include "absl/types/span.h"

namespace pmoe {

// exp(-|x - target|^2 / sigma^2). Spans of equal size.
double TrackingReward(absl::Span<const double> x, absl::Span<const double> target, double sigma);
// Squared sine of the angle between a frame's z axis and the vertical. rotation: [9].
double SquaredTilt(const double* rotation);
// How far x is outside the middle `share` of [low, high]; 0 inside.
double BeyondRange(double x, double low, double high, double share);
// |a - b|. [3] each, or spans of any equal size.
double DistanceBetween(absl::Span<const double> a, absl::Span<const double> b);
// Sum of |force[i] * velocity[i]|.
double AbsolutePower(absl::Span<const double> force, absl::Span<const double> velocity);

}  // namespace pmoe
