#include "common/config/algorithms.h"

#include <map>
#include <string>

#include "absl/strings/match.h"

namespace pmoe {
namespace {

using Table = std::map<std::string, int32_t, std::less<>>;

// Figs 1 and 2 of arXiv 2104.09122; target-reaching: two primitives in Fig 3.
const Table& PaperPrimitives(bool on_policy) {
  static const Table sac = {
      {"HalfCheetah", 2}, {"Humanoid", 10}, {"HumanoidStandup", 10}, {"TargetReaching", 2}};
  static const Table ppo = {
      {"Ant", 16},     {"Hopper", 12},     {"Walker2d", 4},      {"HumanoidStandup", 4},
      {"Humanoid", 8}, {"HalfCheetah", 8}, {"TargetReaching", 2}};
  return on_policy ? ppo : sac;
}

constexpr int32_t kOtherTasks = 4;
constexpr int32_t kMcpPrimitives = 8;
constexpr int32_t kDacOptions = 4;

}  // namespace

bool IsOnPolicy(absl::string_view algorithm) {
  return algorithm == "dac" || absl::EndsWith(algorithm, "ppo");
}

bool IsMixture(absl::string_view algorithm) { return algorithm != "sac" && algorithm != "ppo"; }

int32_t DefaultPrimitives(absl::string_view algorithm, absl::string_view env_id) {
  if (!IsMixture(algorithm)) return 1;
  if (algorithm == "dac") return kDacOptions;
  if (absl::StartsWith(algorithm, "mcp")) return kMcpPrimitives;
  const Table& table = PaperPrimitives(IsOnPolicy(algorithm));
  const auto found = table.find(env_id.substr(0, env_id.find("-v")));
  return found == table.end() ? kOtherTasks : found->second;
}

HiddenUnits DefaultHidden(absl::string_view algorithm) {
  const std::vector<int32_t> critic =
      IsOnPolicy(algorithm) ? std::vector<int32_t>{64, 64} : std::vector<int32_t>{256, 256};
  if (algorithm == "dac") return {{}, {64, 64}, {64, 64}, critic};
  if (absl::StartsWith(algorithm, "mcp")) return {{512, 256}, {256}, {512, 256, 256}, critic};
  return {critic, {}, {}, critic};
}

}  // namespace pmoe
