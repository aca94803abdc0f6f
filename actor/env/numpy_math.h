// NumPy's reductions with NumPy's rounding: rewards must equal Gymnasium's to the last bit, and a
// sum's bits depend on its order. Pure functions.
#pragma once

#include "absl/types/span.h"

namespace pmoe {

// np.sum(x): eight interleaved accumulators from 8 elements on, halves from 129 on.
double NumpySum(absl::Span<const double> x);
// np.sum(np.square(x)).
double NumpySumOfSquares(absl::Span<const double> x);
// np.clip(x, low, high); NaN stays NaN.
double NumpyClip(double x, double low, double high);

}  // namespace pmoe
