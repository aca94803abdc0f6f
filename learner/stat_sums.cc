#include "learner/stat_sums.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pmoe {

LearnerStats StatSums::Drain(const std::vector<std::string>& names, HeadType head) {
  LearnerStats stats;
  for (size_t i = 0; i < sums.size(); ++i) {
    if (count > 0 && !std::isnan(sums[i])) {
      stats.emplace_back(names[i], sums[i] / static_cast<double>(count));
    }
    sums[i] = 0.0;
  }
  count = 0;
  if (head == HeadType::kMcp) return stats;
  if (const std::optional<double> known = RouterInformation(stats)) {
    stats.emplace_back("router_information", *known);
  }
  return stats;
}

std::optional<double> RouterInformation(const LearnerStats& stats) {
  double within = std::nan(""), between = 0.0;
  int primitives = 0;
  for (const auto& [name, value] : stats) {
    if (name == "router_entropy") within = value;
    if (!absl::StartsWith(name, "primitive_usage_")) continue;
    ++primitives;
    if (value > 0.0) between -= value * std::log(value);
  }
  if (primitives < 2 || std::isnan(within)) return {};
  return std::max(0.0, between - within);
}

absl::Status StatSums::NotFinite(const std::string& name, uint64_t update, absl::string_view fix) {
  return absl::InternalError(
      absl::StrCat(name, " is not finite at update ", update,
                   "; the last checkpoint is kept: resume from it with a smaller ", fix));
}

std::shared_ptr<PolicySnapshot> MakeSnapshot(const PolicySpec& policy, uint64_t version,
                                             uint64_t env_steps, const FlatParameters& weights) {
  auto snapshot = std::make_shared<PolicySnapshot>();
  snapshot->spec = policy;
  snapshot->version = version;
  snapshot->env_steps = env_steps;
  const at::Tensor host = weights.values().cpu();
  snapshot->weights.assign(host.data_ptr<float>(), host.data_ptr<float>() + host.numel());
  return snapshot;
}

}  // namespace pmoe
