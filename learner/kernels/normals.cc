#include "learner/kernels/normals.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "learner/kernels/vector_math.h"

namespace pmoe {
namespace {

constexpr size_t kPairs = 128;  // at a time

// word + more, rounded once: by halves, because a signed conversion is one instruction and the
// unsigned is not.
inline float ToFloat(uint32_t word, float more) {
  const float high = static_cast<float>(static_cast<int32_t>(word >> 16));
  const float low = static_cast<float>(static_cast<int32_t>(word & 0xffffu));
  return std::fma(high, 65536.0f, low + more);
}

// -2 log u of u = (word + 1) / 2^32. Near 1 by the distance from it, which float has exactly.
inline float RadiusSquare(uint32_t word) {
  constexpr float kUnit = 0x1p-32f, kNear = 0.25f;
  const float u = ToFloat(word, 1.0f) * kUnit;
  const float rest = ToFloat(~word, 0.0f) * kUnit;
  return -2.0f * (rest < kNear ? LogOneMinus(rest) : Log(u));
}

struct SinCos {
  float sin, cos;
};

// Of word / 2^32 turns: the quarter by the word's leading bits, and polynomials on an eighth of a
// turn to both sides.
inline SinCos OfTurns(uint32_t word) {
  constexpr float kTurn = static_cast<float>(2.0 * std::numbers::pi) * 0x1p-32f;
  const uint32_t quarter = (word + (1u << 29)) >> 30;
  const float x = static_cast<float>(static_cast<int32_t>(word - (quarter << 30))) * kTurn;
  const float z = x * x;
  float s = std::fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = std::fma(s, z, -1.6666654611e-1f);
  const float sin = std::fma(s * z, x, x);
  float c = std::fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = std::fma(c, z, 4.166664568298827e-2f);
  const float cos = std::fma(c * z, z, std::fma(-0.5f, z, 1.0f));
  const bool swapped = (quarter & 1u) != 0;
  const float a = swapped ? cos : sin, b = swapped ? sin : cos;
  return {(quarter & 2u) != 0 ? -a : a, ((quarter + 1u) & 2u) != 0 ? -b : b};
}

void Pairs(size_t pairs, const uint32_t* __restrict radius, const uint32_t* __restrict angle,
           float* __restrict first, float* __restrict second) {
  for (size_t i = 0; i < pairs; ++i) {
    const float r = std::sqrt(RadiusSquare(radius[i]));
    const SinCos turn = OfTurns(angle[i]);
    first[i] = r * turn.cos;
    second[i] = r * turn.sin;
  }
}

}  // namespace

void FillNormals(Rng* rng, size_t n, float* out) {
  uint32_t radius[kPairs], angle[kPairs];
  float first[kPairs], second[kPairs];
  for (size_t done = 0; done < n;) {
    const size_t pairs = std::min(kPairs, (n - done + 1) / 2);
    for (size_t i = 0; i < pairs; ++i) {
      radius[i] = rng->NextU32();
      angle[i] = rng->NextU32();
    }
    Pairs(pairs, radius, angle, first, second);
    for (size_t i = 0; i < pairs; ++i) {
      out[done++] = first[i];
      if (done < n) out[done++] = second[i];
    }
  }
}

}  // namespace pmoe
