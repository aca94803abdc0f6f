// exp, log, tanh and softplus of floats without branches or calls, so that the compiler turns a
// loop over them into vectors. Built with -ffp-contract=off: what is fused says std::fma, and so
// the bits do not depend on the vectors' width. Largest errors over all floats in range, found by
// tests/learner/kernels/vector_math_test.cc: Exp 1.1 ulp, Log 1 ulp, Tanh 2 ulp, Softplus 3 ulp.
// Double, which tests use, is libm's.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace pmoe {

// e^x = 2^n e^r with |r| <= ln 2 / 2. Below -87 it is 0 (denormals are flushed anyway), above 88 it
// is e^88: nothing here overflows to infinity unnoticed. NaN stays NaN.
inline float Exp(float x) {
  constexpr float kMin = -87.0f, kMax = 88.0f;
  constexpr float kLog2e = 1.44269504088896341f;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float inside = x < kMin ? kMin : x > kMax ? kMax : x;
  const float shifted = std::fma(inside, kLog2e, kRound);
  const float n = shifted - kRound;
  const float r = std::fma(n, -kLn2Low, std::fma(n, -kLn2High, inside));
  float p = 1.9875691500e-4f;
  p = std::fma(p, r, 1.3981999507e-3f);
  p = std::fma(p, r, 8.3334519073e-3f);
  p = std::fma(p, r, 4.1665795894e-2f);
  p = std::fma(p, r, 1.6666665459e-1f);
  p = std::fma(p, r, 5.0000001201e-1f);
  const float e = std::fma(p * r, r, r) + 1.0f;
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) << 23;
  const float scaled = std::bit_cast<float>(std::bit_cast<uint32_t>(e) + exponent);
  return x != x ? x : x < kMin ? 0.0f : scaled;
}

// 2^n (1 + f), with 1 + f in [sqrt(1/2), sqrt(2)).
inline float LogOf(float n, float f) {
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  float p = 7.0376836292e-2f;
  p = std::fma(p, f, -1.1514610310e-1f);
  p = std::fma(p, f, 1.1676998740e-1f);
  p = std::fma(p, f, -1.2420140846e-1f);
  p = std::fma(p, f, 1.4249322787e-1f);
  p = std::fma(p, f, -1.6668057665e-1f);
  p = std::fma(p, f, 2.0000714765e-1f);
  p = std::fma(p, f, -2.4999993993e-1f);
  p = std::fma(p, f, 3.3333331174e-1f);
  const float square = f * f;
  const float small = std::fma(n, kLn2Low, std::fma(p * f, square, -0.5f * square));
  return std::fma(n, kLn2High, f + small);
}

// x positive and normal; what is smaller has a finite value that says nothing.
inline float Log(float x) {
  constexpr int32_t kSqrtHalf = 0x3f3504f3;
  const int32_t bits = std::bit_cast<int32_t>(x);
  const int32_t n = (bits - kSqrtHalf) >> 23;
  const float log = LogOf(static_cast<float>(n), std::bit_cast<float>(bits - (n << 23)) - 1.0f);
  return log + (x - x);  // NaN and infinity become NaN
}

// Near 0 by a polynomial, elsewhere 1 - 2 / (e^2|x| + 1).
inline float Tanh(float x) {
  constexpr float kNear = 0.625f, kFlat = 9.02f;  // from there on it rounds to 1
  const float size = std::fabs(x);
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = std::fma(p, z, 2.06390887954e-2f);
  p = std::fma(p, z, -5.37397155531e-2f);
  p = std::fma(p, z, 1.33314422036e-1f);
  p = std::fma(p, z, -3.33332819422e-1f);
  const float near = std::fma(p * z, x, x);
  const float capped = size > kFlat ? kFlat : size;
  const float far = 1.0f - 2.0f / (Exp(2.0f * capped) + 1.0f);
  return size < kNear ? near : std::copysign(far, x);
}

// log(1 + e^x) = max(x, 0) + log1p(e^-|x|); the quotient gives back what 1 + e rounds away.
inline float Softplus(float x) {
  const float e = Exp(-std::fabs(x));
  const float u = 1.0f + e;
  const float log1p = Log(u) + (e - (u - 1.0f)) / u;
  return (x > 0.0f ? x : 0.0f) + log1p;
}

inline double Exp(double x) { return std::exp(x); }
inline double Log(double x) { return std::log(x); }
inline double Tanh(double x) { return std::tanh(x); }
inline double Softplus(double x) { return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

}  // namespace pmoe
