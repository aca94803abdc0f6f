#include "actor/env/pcg64.h"

#include <array>
#include <bit>
#include <cstddef>

#include "common/base/check.h"

#ifdef __FAST_MATH__
#error "this file must round as NumPy does: build it without -ffast-math and -Ofast"
#endif

extern "C" {
// NumPy's C interface to a bit generator (numpy/random/bitgen.h); the wheel ships no header for it.
struct bitgen_t {
  void* state;
  uint64_t (*next_uint64)(void* state);
  uint32_t (*next_uint32)(void* state);
  double (*next_double)(void* state);
  uint64_t (*next_raw)(void* state);
};
double random_standard_normal(bitgen_t* generator);
}

namespace pmoe {
namespace {

using Uint128 = unsigned __int128;

constexpr Uint128 Make128(uint64_t high, uint64_t low) { return (Uint128{high} << 64) | low; }
constexpr Uint128 kMultiplier = Make128(2549297995355413924u, 4865540595714422341u);

// SeedSequence: hashes the seed's 32-bit words into a pool of four, then hashes the pool into state
// words.
class SeedPool {
 public:
  explicit SeedPool(uint64_t seed) {
    const std::array<uint32_t, 4> entropy = {static_cast<uint32_t>(seed),
                                             static_cast<uint32_t>(seed >> 32), 0, 0};
    uint32_t hash = 0x43b0d7e5u;
    const auto absorb = [&hash](uint32_t value) { return Scramble(value, &hash, 0x931e8875u); };
    for (size_t i = 0; i < pool_.size(); ++i) pool_[i] = absorb(entropy[i]);
    for (size_t from = 0; from < pool_.size(); ++from) {
      for (size_t to = 0; to < pool_.size(); ++to) {
        if (from != to) pool_[to] = Mix(pool_[to], absorb(pool_[from]));
      }
    }
  }

  std::array<uint64_t, 4> Words() const {
    std::array<uint64_t, 4> words{};
    uint32_t hash = 0x8b51f9ddu;
    for (size_t i = 0; i < 2 * words.size(); ++i) {
      const uint64_t half = Scramble(pool_[i % pool_.size()], &hash, 0x58f38dedu);
      words[i / 2] |= half << (32 * (i % 2));
    }
    return words;
  }

 private:
  static uint32_t Scramble(uint32_t value, uint32_t* hash, uint32_t multiplier) {
    value ^= *hash;
    *hash *= multiplier;
    value *= *hash;
    return value ^ (value >> 16);
  }
  static uint32_t Mix(uint32_t x, uint32_t y) {
    const uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
    return mixed ^ (mixed >> 16);
  }

  std::array<uint32_t, 4> pool_;
};

uint64_t BitgenU64(void* state) { return static_cast<Pcg64*>(state)->NextU64(); }
double BitgenDouble(void* state) { return static_cast<Pcg64*>(state)->NextDouble(); }
// 32-bit draws would need NumPy's half-word buffer in our state; the normal distribution makes
// none.
uint32_t BitgenU32(void* state) {
  PMOE_CHECK(state == nullptr);
  return 0;
}

}  // namespace

Pcg64::Pcg64(uint64_t seed) {
  const std::array<uint64_t, 4> words = SeedPool(seed).Words();
  increment_ = (Make128(words[2], words[3]) << 1) | 1;
  state_ = increment_ + Make128(words[0], words[1]);
  state_ = state_ * kMultiplier + increment_;
}

uint64_t Pcg64::NextU64() {
  state_ = state_ * kMultiplier + increment_;
  const uint64_t high = static_cast<uint64_t>(state_ >> 64);
  const uint64_t low = static_cast<uint64_t>(state_);
  return std::rotr(high ^ low, static_cast<int>(high >> 58));
}

double Pcg64::NextDouble() { return static_cast<double>(NextU64() >> 11) * 0x1p-53; }

double Pcg64::Uniform(double low, double high) { return low + (high - low) * NextDouble(); }

double Pcg64::StandardNormal() {
  bitgen_t generator = {this, &BitgenU64, &BitgenU32, &BitgenDouble, &BitgenU64};
  return random_standard_normal(&generator);
}

void Pcg64::SaveState(ByteWriter* out) const {
  out->Pod(static_cast<uint64_t>(state_ >> 64));
  out->Pod(static_cast<uint64_t>(state_));
  out->Pod(static_cast<uint64_t>(increment_ >> 64));
  out->Pod(static_cast<uint64_t>(increment_));
}

absl::Status Pcg64::LoadState(ByteReader* in) {
  std::array<uint64_t, 4> words{};
  for (uint64_t& word : words) in->Pod(&word);
  if (!in->ok()) return absl::DataLossError("PCG64 state is truncated");
  if (words[3] % 2 == 0) return absl::DataLossError("PCG64 state has an even increment");
  state_ = Make128(words[0], words[1]);
  increment_ = Make128(words[2], words[3]);
  return absl::OkStatus();
}

}  // namespace pmoe
