#include "common/base/rng.h"

#include <cmath>
#include <numbers>

namespace pmoe {
namespace {

// SplitMix64: spreads (seed, role, index, epoch, env) over the 64-bit key and the upper counter
// half.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

uint32_t High(uint64_t x) { return static_cast<uint32_t>(x >> 32); }
uint32_t Low(uint64_t x) { return static_cast<uint32_t>(x); }

}  // namespace

Rng::Rng(uint64_t seed, RngRole role, uint32_t index, uint32_t epoch, uint32_t env) {
  const uint64_t key = Mix(seed ^ Mix(static_cast<uint64_t>(role)));
  const uint64_t stream = Mix(key ^ ((uint64_t{index} << 32) | epoch)) ^ Mix(~uint64_t{env});
  key_ = {Low(key), High(key)};
  counter_ = {0, 0, Low(stream), High(stream)};
}

void Rng::Refill() {
  std::array<uint32_t, 4> c = counter_;
  std::array<uint32_t, 2> k = key_;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c[2];
    c = {High(p1) ^ c[1] ^ k[0], Low(p1), High(p0) ^ c[3] ^ k[1], Low(p0)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  block_ = c;
  used_ = 0;
  if (++counter_[0] == 0) ++counter_[1];
}

uint32_t Rng::NextU32() {
  if (used_ == 4) Refill();
  return block_[used_++];
}

uint64_t Rng::NextU64() {
  const uint64_t high = NextU32();
  return (high << 32) | NextU32();
}

double Rng::Uniform() { return static_cast<double>(NextU64() >> 11) * 0x1.0p-53; }

float Rng::UniformFloat() { return static_cast<float>(NextU32() >> 8) * 0x1.0p-24f; }

float Rng::Normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  // u in (0, 1]: the logarithm stays finite.
  const double u = (static_cast<double>(NextU32()) + 1.0) * 0x1.0p-32;
  const double angle = 2.0 * std::numbers::pi * static_cast<double>(NextU32()) * 0x1.0p-32;
  const double radius = std::sqrt(-2.0 * std::log(u));
  spare_ = static_cast<float>(radius * std::sin(angle));
  has_spare_ = true;
  return static_cast<float>(radius * std::cos(angle));
}

uint64_t Rng::UniformInt(uint64_t n) {
  unsigned __int128 product = static_cast<unsigned __int128>(NextU64()) * n;
  if (static_cast<uint64_t>(product) < n) {
    const uint64_t threshold = (0 - n) % n;
    while (static_cast<uint64_t>(product) < threshold) {
      product = static_cast<unsigned __int128>(NextU64()) * n;
    }
  }
  return static_cast<uint64_t>(product >> 64);
}

void Rng::FillNormal(float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = Normal();
}

void Rng::SaveState(ByteWriter* out) const {
  out->Pod(key_);
  out->Pod(counter_);
  out->Pod(block_);
  out->Pod(used_);
  out->Pod(spare_);
  out->Pod(static_cast<uint8_t>(has_spare_));
}

absl::Status Rng::LoadState(ByteReader* in) {
  uint8_t has_spare = 0;
  in->Pod(&key_);
  in->Pod(&counter_);
  in->Pod(&block_);
  in->Pod(&used_);
  in->Pod(&spare_);
  in->Pod(&has_spare);
  if (!in->ok() || used_ > 4 || has_spare > 1) return absl::DataLossError("bad RNG state");
  has_spare_ = has_spare != 0;
  return absl::OkStatus();
}

}  // namespace pmoe
