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

enum class Activation : uint8_t {
  kIdentity = 0,
  kRelu = 1,
  kTanh = 2,
  kSigmoid = 3,
  kLogSoftplus = 4,  // log(log(1 + e^x)): the log-std of a std that is softplus of a parameter
};

// All heads have the layers "mean" [K * A] and "log_std" [K * A]; docs/algorithms has densities.
enum class HeadType : uint8_t {
  kGaussian = 0,  // K = 1
  kMixture = 1,   // "router" [K] logits: k ~ softmax, then primitive k acts (Eq. 4)
  kGating = 2,    // "router" [K] logits: one Gaussian, moments weighted by softmax (Eq. 19, 20)
  kMcp = 3,       // "router" [K] weights in (0, 1): the product of N_k^w_k (arXiv 1905.09808 Eq. 3)
  kOption = 4,  // "router" [K] logits and "beta" [K] in (0, 1): an option acts until it ends (DAC)
};

// How an action comes out of the Gaussian's u, and becomes the environment's.
enum class ActionMap : uint8_t {
  kSquash = 0,       // a = tanh(u); low + (a + 1) / 2 (high - low)
  kClip = 1,         // a = u; clip(a, low, high)
  kRescaleClip = 2,  // a = u; low + (clip(a, -1, 1) + 1) / 2 (high - low)
};

// y = activation(x W + b). The input is "obs" or an earlier layer. With several blocks W is block
// diagonal: block b maps the b-th part of x to the b-th part of y. Without inputs (input "") y is
// the bias alone: a parameter that no observation moves.
struct DenseLayer {
  std::string name;
  std::string input;
  int inputs = 0;
  int outputs = 0;
  Activation activation = Activation::kIdentity;
  int blocks = 1;

  int weight_rows() const { return inputs / blocks; }  // W is kept as [inputs / blocks, outputs]
  bool operator==(const DenseLayer&) const = default;
};

inline constexpr int kPrimitivesMax = 256;
// Every log-std is clamped to these, in the actor and in the learner.
inline constexpr float kLogStdMin = -20.0f;
inline constexpr float kLogStdMax = 2.0f;
// MCP: weights of 0 everywhere leave no precision at all; below this the log-std is clamped anyway.
inline constexpr float kPrecisionMin = 1e-30f;

struct PolicySpec {
  HeadType head = HeadType::kGaussian;
  ActionMap action_map = ActionMap::kSquash;
  bool gating_squared = false;  // kGating: variance sum w^2 s^2 instead of Eq. 20's sum w s^2
  bool normalizes_obs = false;  // the policy sees clip((obs - mean) / std, -10, 10): PolicySnapshot
  int obs_dim = 0;
  int action_dim = 0;
  int primitives = 1;
  std::vector<double> action_low;   // [A] bounds of the environment's action
  std::vector<double> action_high;  // [A]
  std::vector<DenseLayer> layers;   // in evaluation order
  // What the actor writes into a row's extra columns, in this order: kColumn… below.
  std::vector<std::string> columns;

  // Gaussians to choose from when acting: K, but 1 where all K make one.
  int components() const {
    return head == HeadType::kGating || head == HeadType::kMcp ? 1 : primitives;
  }
  bool has_router() const { return head != HeadType::kGaussian; }
  int ColumnIndex(const std::string& column) const;            // -1 if absent
  const DenseLayer* FindLayer(const std::string& name) const;  // null if absent
  // Every layer's input exists, sizes fit, the head's layers are there; bounds every dimension.
  absl::Status Validate() const;
  // Equal for equal specs; differs (but for hash collisions) where weights are not interchangeable.
  uint64_t Hash() const;

  void Save(ByteWriter* out) const;
  static absl::StatusOr<PolicySpec> Load(ByteReader* in);

  bool operator==(const PolicySpec&) const = default;
};

// Extra columns that an actor knows how to fill.
inline constexpr char kColumnComponent[] = "component";  // k that acted
inline constexpr char kColumnLogProb[] = "log_prob";  // log pi(u), whole density; options: log N_k
inline constexpr char kColumnComponentLogProb[] = "component_log_prob";  // log N_k(u)
inline constexpr char kColumnJointLogProb[] = "joint_log_prob";          // log P(k) + log N_k(u)
inline constexpr char kColumnOptionBefore[] = "option_before";  // option of the step before, or 0
inline constexpr char kColumnEpisodeStart[] = "episode_start";  // 1: there was none

// The layers of an MLP: name0 … name{n-1}, reading `input`.
std::vector<DenseLayer> MlpLayers(const std::string& name, const std::string& input, int inputs,
                                  absl::Span<const int> hidden,
                                  Activation activation = Activation::kRelu);

struct PolicyOptions {
  int obs_dim = 0;
  std::vector<double> action_low;   // [A]
  std::vector<double> action_high;  // [A]
  HeadType head = HeadType::kGaussian;
  ActionMap action_map = ActionMap::kSquash;
  bool gating_squared = false;
  bool normalizes_obs = false;
  int primitives = 1;
  Activation activation = Activation::kRelu;  // of all hidden layers
  std::vector<int> hidden = {256, 256};       // trunk; may be empty
  std::vector<int> primitive_hidden;          // of each primitive, on the trunk
  std::vector<int> router_hidden;             // of the router
  bool router_reads_obs = false;              // instead of the trunk
  Activation mean_activation = Activation::kIdentity;
  bool std_is_parameter = false;  // a log-std per primitive that does not depend on the state
  Activation std_activation = Activation::kIdentity;
  std::vector<std::string> columns;
};

// Shared trunk, linear mean, log-std and router heads (App. C), with what the options add.
PolicySpec MakePolicySpec(const PolicyOptions& options);

}  // namespace pmoe
