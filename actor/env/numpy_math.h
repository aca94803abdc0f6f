// NumPy's arithmetic with NumPy's rounding: rewards must equal Gymnasium's to the last bit, and a
// sum's bits depend on its order. Pure functions.
#pragma once

#include "absl/types/span.h"
#include "actor/env/pcg64.h"

namespace pmoe {

// np.sum(x): eight interleaved accumulators from 8 elements on, halves from 129 on.
double NumpySum(absl::Span<const double> x);
// np.sum(np.square(x)).
double NumpySumOfSquares(absl::Span<const double> x);
// The same of x as an array of float32, summed in float32.
float NumpySumOfSquaresFloat32(absl::Span<const double> x);
// np.linalg.norm(x). Bit for bit up to 3 numbers: the dot product of NumPy's BLAS fuses multiply
// and add on the CPUs that this project supports, and adds longer vectors in another order.
double NumpyNorm(absl::Span<const double> x);
// x ** 2 of a np.float64: the C library's pow, whose last bit is not always that of x * x.
double NumpyScalarSquare(double x);
// Adds a draw of Generator.uniform(-scale, scale) to each value, in order.
void AddUniformNoise(double scale, Pcg64* generator, absl::Span<double> values);
// np.clip(x, low, high); NaN stays NaN.
double NumpyClip(double x, double low, double high);

}  // namespace pmoe
