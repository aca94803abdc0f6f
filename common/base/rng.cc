#include "common/base/rng.h"

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "common/base/box_muller.h"

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

constexpr size_t kPhiloxLanes = 16;

// The blocks of counter, counter + 1, … side by side. A number takes 64 bits of a vector, of which
// the upper half means nothing: the products do not read it.
void PhiloxBlocks(const std::array<uint32_t, 2>& key, const std::array<uint32_t, 4>& counter,
                  uint32_t* words) {
  constexpr size_t kVectors = kPhiloxLanes / 4;
  const auto all = [](uint32_t x) { return _mm256_set1_epi64x(x); };
  const __m256i multiplier0 = all(0xD2511F53u), multiplier1 = all(0xCD9E8D57u);
  __m256i c[4][kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    const __m256i first = all(counter[0] + static_cast<uint32_t>(4 * v));
    c[0][v] = _mm256_add_epi64(first, _mm256_setr_epi64x(0, 1, 2, 3));
    for (size_t j = 1; j < 4; ++j) c[j][v] = all(counter[j]);
  }
  std::array<uint32_t, 2> k = key;
  for (int round = 0; round < 10; ++round) {
    const __m256i k0 = all(k[0]), k1 = all(k[1]);
    for (size_t v = 0; v < kVectors; ++v) {
      const __m256i p0 = _mm256_mul_epu32(c[0][v], multiplier0);
      const __m256i p1 = _mm256_mul_epu32(c[2][v], multiplier1);
      c[0][v] = _mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(c[1][v], k0));
      c[1][v] = p1;
      c[2][v] = _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(c[3][v], k1));
      c[3][v] = p0;
    }
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  for (size_t v = 0; v < kVectors; ++v) {
    const auto pair = [](__m256i low, __m256i high) {
      return _mm256_blend_epi32(low, _mm256_slli_epi64(high, 32), 0xAA);
    };
    const __m256i front = pair(c[0][v], c[1][v]), back = pair(c[2][v], c[3][v]);
    const __m256i even = _mm256_unpacklo_epi64(front, back);  // blocks 0 and 2
    const __m256i odd = _mm256_unpackhi_epi64(front, back);   // blocks 1 and 3
    __m256i* const to = reinterpret_cast<__m256i*>(words + 16 * v);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
  }
}

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

void Rng::NextBlocks(size_t blocks, uint32_t* words) {
  size_t done = 0;
  for (; done + kPhiloxLanes <= blocks && counter_[0] <= UINT32_MAX - kPhiloxLanes;
       done += kPhiloxLanes) {
    PhiloxBlocks(key_, counter_, words + 4 * done);
    counter_[0] += kPhiloxLanes;
  }
  for (; done < blocks; ++done) {
    Refill();
    for (size_t j = 0; j < 4; ++j) words[4 * done + j] = block_[j];
  }
  used_ = 4;
}

void Rng::FillNormal(float* out, size_t n) {
  constexpr size_t kBlocks = 64;
  size_t done = 0;
  while (done < n && (has_spare_ || used_ != 4)) out[done++] = Normal();
  uint32_t words[4 * kBlocks];
  while (n - done >= 4) {
    const size_t blocks = std::min(kBlocks, (n - done) / 4);
    NextBlocks(blocks, words);
    BoxMuller(words, 2 * blocks, out + done);
    done += 4 * blocks;
  }
  while (done < n) out[done++] = Normal();
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
