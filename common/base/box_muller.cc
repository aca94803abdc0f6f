#include "common/base/box_muller.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace pmoe {
namespace {

constexpr double kTwo52 = 0x1p52;

// Exact; there is no vector instruction for it below AVX-512.
inline double FromWord(uint32_t word) {
  return std::bit_cast<double>(uint64_t{word} | std::bit_cast<uint64_t>(kTwo52)) - kTwo52;
}

// log x of x in (0, 1] (FreeBSD's e_log.c): x = 2^-n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
inline double LogOfFraction(double x) {
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;
  constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
  constexpr uint64_t kBias = uint64_t{64} << 52;  // so that the exponent stays positive
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const uint64_t exponent = (bits + kBias - kSqrtHalf) >> 52;
  const double k = std::bit_cast<double>(exponent | std::bit_cast<uint64_t>(kTwo52)) - kTwo52 - 64;
  const double f = std::bit_cast<double>(bits - ((exponent - 64) << 52)) - 1.0;
  const double s = f / (2.0 + f), z = s * s, w = z * z;
  const double even =
      w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332));
  const double odd =
      z * (0.6666666666666735130 +
           w * (0.2857142874366239149 + w * (0.1818357216161805012 + w * 0.1479819860511658591)));
  const double half_square = 0.5 * f * f;
  return k * kLn2High - ((half_square - (s * (half_square + even + odd) + k * kLn2Low)) - f);
}

// On [-pi/4, pi/4] (FreeBSD's k_sin.c, k_cos.c).
inline double SineNearZero(double x) {
  const double z = x * x;
  const double r = 8.33333333332248946124e-03 +
                   z * (-1.98412698298579493134e-04 +
                        z * (2.75573137070700676789e-06 +
                             z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)));
  return x + z * x * (-1.66666666666666324348e-01 + z * r);
}
inline double CosineNearZero(double x) {
  const double z = x * x;
  const double r =
      z * (4.16666666666666019037e-02 +
           z * (-1.38888888888741095749e-03 +
                z * (2.48015872894767294178e-05 +
                     z * (-2.75573143513906633035e-07 +
                          z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
  return 1.0 - (0.5 * z - z * r);
}

}  // namespace

void BoxMuller(const uint32_t* __restrict words, size_t pairs, float* __restrict out) {
  constexpr double kRound = 0x1.8p52;  // adding it rounds to an integer
  constexpr double kHalfPi = std::numbers::pi / 2, kHalfPiLow = 6.123233995736766e-17;
  constexpr uint64_t kSign = uint64_t{1} << 63;
  for (size_t i = 0; i < pairs; ++i) {
    const double u = (FromWord(words[2 * i]) + 1.0) * 0x1p-32;
    const double angle = 2.0 * std::numbers::pi * FromWord(words[2 * i + 1]) * 0x1p-32;
    const double radius = std::sqrt(-2.0 * LogOfFraction(u));
    const double shifted = angle * (2.0 / std::numbers::pi) + kRound;
    const double quarters = shifted - kRound;
    const uint64_t quadrant = std::bit_cast<uint64_t>(shifted);
    const double x = (angle - quarters * kHalfPi) - quarters * kHalfPiLow;
    const uint64_t near_sine = std::bit_cast<uint64_t>(SineNearZero(x));
    const uint64_t near_cosine = std::bit_cast<uint64_t>(CosineNearZero(x));
    const uint64_t odd = 0 - (quadrant & 1);  // all bits, or none
    const uint64_t sine = (near_sine & ~odd) | (near_cosine & odd);
    const uint64_t cosine = (near_cosine & ~odd) | (near_sine & odd);
    const uint64_t sine_sign = (quadrant << 62) & kSign;
    const uint64_t cosine_sign = ((quadrant + 1) << 62) & kSign;
    out[2 * i] = static_cast<float>(radius * std::bit_cast<double>(cosine ^ cosine_sign));
    out[2 * i + 1] = static_cast<float>(radius * std::bit_cast<double>(sine ^ sine_sign));
  }
}

}  // namespace pmoe
