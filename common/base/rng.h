// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): every stream of a run is named
// by (seed, role, index, epoch, env), streams never overlap, and the state is a counter that fits
// in a checkpoint. Thread-compatible value type.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/bytes.h"

namespace pmoe {

// Who draws. The numbers are part of the reproducibility promise: never renumber, only append.
enum class RngRole : uint32_t {
  kActor = 1,       // exploration noise and primitive choice, one stream per env
  kActorReset = 2,  // seeds handed to Env::Reset
  kEvaluator = 3,
  kReplay = 4,         // minibatch indices
  kLearner = 5,        // action noise of the update
  kLearnerRouter = 6,  // primitive indices of the update; apart, so that K = 1 draws what SAC draws
  kInit = 7,           // initial weights, one stream per layer
  kEvaluatorReset = 8,
  kEvaluatorNoise = 10,  // of observations, while a policy is tested
  kBackoff = 9,          // jitter between attempts to connect
};

class Rng {
 public:
  Rng() : Rng(0, RngRole::kActor, 0, 0, 0) {}
  // index: actor or layer; epoch: restarts of that index; env: environment within the actor.
  Rng(uint64_t seed, RngRole role, uint32_t index, uint32_t epoch = 0, uint32_t env = 0);

  uint32_t NextU32();
  uint64_t NextU64();
  double Uniform();                 // [0, 1), 53 bits
  float UniformFloat();             // [0, 1), 24 bits
  float Normal();                   // N(0, 1), Box-Muller on two 32-bit draws
  uint64_t UniformInt(uint64_t n);  // [0, n), unbiased (Lemire)
  // n times Normal, up to the last bit of a few (box_muller.h); several times as fast.
  void FillNormal(float* out, size_t n);

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  void Refill();
  void NextBlocks(size_t blocks, uint32_t* words);  // four words each, from a block's end on

  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  uint32_t used_ = 4;   // words of block_ already handed out
  float spare_ = 0.0f;  // second Box-Muller value
  bool has_spare_ = false;
};

}  // namespace pmoe
