// All that an exported file says: a policy, what its user must know about the environment, and a
// golden trajectory. Value type; free functions are pure.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "actor/export/golden_trajectory.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

// Of what files say about themselves; grows when a reader of an older one would go wrong.
inline constexpr int kExportFormat = 2;

struct ExportedPolicy {
  std::shared_ptr<const PolicySnapshot> snapshot;
  std::string env_id;
  std::string simulator;                       // "MuJoCo 3.6.0"
  double control_period_s = 0;                 // simulated seconds per action; 0: not known
  std::vector<std::string> observation_names;  // [O]; empty: not known
  GoldenTrajectory golden;
};

// Everything but the arrays as (key, JSON value), in the order in which files show it: sizes, head
// and layers, bounds, what the environment is, versions.
std::vector<std::pair<std::string, std::string>> Describe(const ExportedPolicy& policy);
// One JSON list of numbers that read back to the same floats; of rows with `columns` above 0.
std::string NumberList(absl::Span<const float> values, int columns = 0);

// What the float32 editions do with the bounds: rounded inwards, so that no action leaves them.
struct FloatBounds {
  std::vector<float> low, high;     // [A]
  std::vector<float> center, half;  // [A] of the map from [-1, 1]
  bool is_unit = true;              // all are [-1, 1]
};
// InvalidArgumentError names a bound that float32 cannot hold.
absl::StatusOr<FloatBounds> BoundsAsFloat(const PolicySpec& spec);

}  // namespace pmoe
