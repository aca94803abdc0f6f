// Layer normalisation of one row (arXiv 1607.06450), and its gradient. Sums go over 16 lanes and
// then over those in order, so that bits do not depend on the vectors' width. Pure functions on the
// caller's memory. W width.
#pragma once

namespace pmoe {

inline constexpr double kLayerNormEpsilon = 1e-5;  // PyTorch's default

// x <- (x - mean) / sqrt(variance + epsilon), the variance being that of all W. Returns what it was
// multiplied by. x: [W]
float Normalize(long width, float* x);
double Normalize(long width, double* x);

// dL/dx of the row that was normalised to `normal` by `inverse_std`, from dL/dy of y = gain normal
// + shift. All [W].
void NormalizeGradient(long width, float inverse_std, const float* normal, const float* gain,
                       const float* dy, float* dx);
void NormalizeGradient(long width, double inverse_std, const double* normal, const double* gain,
                       const double* dy, double* dx);

// y = max(gain normal + shift, 0). All [W].
void ScaleAndRelu(long width, const float* normal, const float* gain, const float* shift, float* y);
void ScaleAndRelu(long width, const double* normal, const double* gain, const double* shift,
                  double* y);

}  // namespace pmoe
