// NumPy's Generator(PCG64(SeedSequence(seed))), bit for bit: Gymnasium draws its resets from it.
// Uniform is NumPy's formula; StandardNormal calls the ziggurat compiled into NumPy's own wheel,
// because its tables cannot be recomputed. Thread-compatible value type.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "common/base/bytes.h"

namespace pmoe {

class Pcg64 {
 public:
  // Same stream as numpy.random.default_rng(seed).
  explicit Pcg64(uint64_t seed);

  uint64_t NextU64();
  double NextDouble();  // [0, 1), 53 bits
  double Uniform(double low, double high);
  double StandardNormal();

  void SaveState(ByteWriter* out) const;
  // DataLossError if the bytes are no PCG64 state; the generator is then unchanged.
  absl::Status LoadState(ByteReader* in);

 private:
  using Uint128 = unsigned __int128;

  Uint128 state_ = 0;
  Uint128 increment_ = 1;  // always odd
};

}  // namespace pmoe
