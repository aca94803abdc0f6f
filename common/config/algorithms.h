// The algorithms: a row each, and the row is all that an algorithm's name means. Nothing else tests
// a name (tests/tidy fails on it): code asks the row what it must know. Pure functions; free of
// protobuf, so that what includes Torch may include this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

// SAC's learn from replay, PPO's, DAC among them, from whole rollouts, once.
enum class Family { kSac, kPpo };

// How the policy learns which primitive is good. A head that does not draw one has no choice to
// learn: it has kFrequency, whose loss is then SAC's or PPO's own.
enum class Estimator {
  kFrequency,  // PMOE: L_freq for the router, the best primitive's gradient (Eq. 10, 14)
  kMarginal,   // MRP: the router's expectation, exact (arXiv 2605.09157)
  kGumbel,     // Gumbel-softmax: through one Q of the combined action, or PPO's posterior draws
  kReinforce,  // score function of one drawn primitive
};

// Units of the hidden layers that the algorithm's own paper gives it.
struct HiddenUnits {
  absl::Span<const int32_t> trunk, primitive, router, critic, qnet;
};

struct Algorithm {
  absl::string_view name;
  Family family;
  HeadType head;
  Estimator estimator;
  int32_t primitives;  // K by default; kPaperPrimitives: the paper's number for the task
  const HiddenUnits* hidden;
  absl::string_view settings = "";   // textproto on top of each of the family's presets
  absl::string_view official = "";   // and on top of that in "official" and "modern"
  absl::string_view published = "";  // in "published"; empty: the algorithm has no such preset

  bool on_policy() const { return family == Family::kPpo; }
  bool has_router() const { return head != HeadType::kGaussian; }
  bool draws_primitive() const { return head == HeadType::kMixture; }
  // Its router learns how often each primitive is best.
  bool frequency_loss() const { return draws_primitive() && estimator == Estimator::kFrequency; }
  // DAC's options see two decision processes, and each rollout is learned from for both.
  bool has_options() const { return head == HeadType::kOption; }
};

inline constexpr int32_t kPaperPrimitives = 0;

// In the order in which they are listed to users.
absl::Span<const Algorithm> Algorithms();
std::vector<std::string> AlgorithmNames();

// InvalidArgument lists the names and says which is nearest.
absl::StatusOr<const Algorithm*> FindAlgorithm(absl::string_view name);

// Of a name that validation let pass; any other is our own bug.
const Algorithm& AlgorithmNamed(absl::string_view name);

// K of the algorithm for the task; of the paper's own: Figs 1, 2.
int32_t DefaultPrimitives(const Algorithm& algorithm, absl::string_view env_id);

}  // namespace pmoe
