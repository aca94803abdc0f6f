// What a policy is made of: a short list of dense layers and one head type. It travels with every
// snapshot, so an actor needs no per-algorithm code. Value type. O obs_dim, A action_dim, K
// primitives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/bytes.h"

namespace pmoe {

enum class Activation : uint8_t { kIdentity = 0, kRelu = 1, kTanh = 2 };

enum class HeadType : uint8_t {
  kGaussian = 0,  // layers "mean" [A], "log_std" [A]; a = tanh(mean + exp(log_std) eps)
  kMixture = 1,   // layers "mean" [K * A], "log_std" [K * A], "router" [K]: logits (Eq. 4)
};

// y = activation(x W + b), W [inputs, outputs]. The input is "obs" or an earlier layer.
struct DenseLayer {
  std::string name;
  std::string input;
  int inputs = 0;
  int outputs = 0;
  Activation activation = Activation::kIdentity;

  bool operator==(const DenseLayer&) const = default;
};

struct PolicySpec {
  HeadType head = HeadType::kGaussian;
  int obs_dim = 0;
  int action_dim = 0;
  int primitives = 1;
  std::vector<double> action_low;   // [A] bounds of the environment's action
  std::vector<double> action_high;  // [A]
  std::vector<DenseLayer> layers;   // in evaluation order

  const DenseLayer* FindLayer(const std::string& name) const;  // null if absent
  // Every layer's input exists, sizes fit, the head's layers are there; bounds every dimension.
  absl::Status Validate() const;
  // Equal for equal specs; differs (but for hash collisions) where weights are not interchangeable.
  uint64_t Hash() const;

  void Save(ByteWriter* out) const;
  static absl::StatusOr<PolicySpec> Load(ByteReader* in);

  bool operator==(const PolicySpec&) const = default;
};

// The layers of an MLP: name0 … name{n-1} with ReLU, reading `input`.
std::vector<DenseLayer> MlpLayers(const std::string& name, const std::string& input, int inputs,
                                  absl::Span<const int> hidden);

struct SquashedPolicyOptions {
  int obs_dim = 0;
  std::vector<double> action_low;   // [A]
  std::vector<double> action_high;  // [A]
  int primitives = 1;
  std::vector<int> hidden = {256, 256};
  bool has_router = false;        // false: SAC's single Gaussian
  bool router_reads_obs = false;  // true: one linear layer on the observation
};

// SAC's policy (primitives 1, no router) and PMOE's: shared trunk, linear mean, log-std and router
// heads (App. C).
PolicySpec MakeSquashedPolicySpec(const SquashedPolicyOptions& options);

}  // namespace pmoe
