#include "actor/export/exported_policy.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/number_text.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

const char* ActivationName(Activation activation) {
  static constexpr const char* kNames[] = {"identity", "relu", "tanh", "sigmoid", "log_softplus"};
  return kNames[static_cast<int>(activation)];
}

const char* HeadName(HeadType head) {
  static constexpr const char* kNames[] = {"gaussian", "mixture", "gating", "mcp", "option"};
  return kNames[static_cast<int>(head)];
}

const char* ActionMapName(ActionMap map) {
  static constexpr const char* kNames[] = {"squash", "clip", "rescale_clip"};
  return kNames[static_cast<int>(map)];
}

nlohmann::ordered_json LayersJson(const PolicySpec& spec) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const DenseLayer& layer : spec.layers) {
    layers.push_back({{"name", layer.name},
                      {"input", layer.input},
                      {"activation", ActivationName(layer.activation)},
                      {"blocks", layer.blocks}});
  }
  return layers;
}

float RoundedUp(double x) {
  const float near = static_cast<float>(x);
  return near < x ? std::nextafter(near, std::numeric_limits<float>::infinity()) : near;
}

float RoundedDown(double x) { return -RoundedUp(-x); }

}  // namespace

std::vector<std::pair<std::string, std::string>> Describe(const ExportedPolicy& policy) {
  const PolicySnapshot& snapshot = *policy.snapshot;
  const PolicySpec& spec = snapshot.spec;
  nlohmann::ordered_json json = {{"format", kExportFormat},
                                 {"head", HeadName(spec.head)},
                                 {"action_map", ActionMapName(spec.action_map)},
                                 {"gating_squared", spec.gating_squared},
                                 {"obs_dim", spec.obs_dim},
                                 {"action_dim", spec.action_dim},
                                 {"primitives", spec.primitives},
                                 {"action_low", spec.action_low},
                                 {"action_high", spec.action_high},
                                 {"version", snapshot.version},
                                 {"env_steps", snapshot.env_steps},
                                 {"normalizes_obs", spec.normalizes_obs},
                                 {"layers", LayersJson(spec)},
                                 {"observation_names", policy.observation_names},
                                 {"env_id", policy.env_id},
                                 {"control_rate_hz", nullptr},
                                 {"pmoe", BuildVersion()},
                                 {"pmoe_commit", BuildCommit()},
                                 {"simulator", policy.simulator},
                                 {"golden_source", policy.golden.of_episode ? "episode" : "drawn"},
                                 {"golden_seed", policy.golden.seed}};
  if (policy.control_period_s > 0) json["control_rate_hz"] = 1.0 / policy.control_period_s;
  std::vector<std::pair<std::string, std::string>> entries;
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;  // no UTF-8 in a path
  for (const auto& [key, value] : json.items()) {
    entries.emplace_back(key, value.dump(-1, ' ', /*ensure_ascii=*/true, kReplace));
  }
  return entries;
}

std::string NumberList(absl::Span<const float> values, int columns) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    const bool row_begins = columns > 0 && i % static_cast<size_t>(columns) == 0;
    absl::StrAppend(&text,
                    i == 0       ? ""
                    : row_begins ? "],"
                                 : ",",
                    row_begins ? "[" : "", NumberText(values[i]));
  }
  return text + (columns > 0 && !values.empty() ? "]]" : "]");
}

absl::StatusOr<FloatBounds> BoundsAsFloat(const PolicySpec& spec) {
  FloatBounds bounds;
  for (size_t j = 0; j < spec.action_low.size(); ++j) {
    const double low = spec.action_low[j], high = spec.action_high[j];
    bounds.low.push_back(RoundedUp(low));
    bounds.high.push_back(RoundedDown(high));
    bounds.center.push_back(static_cast<float>(0.5 * low + 0.5 * high));
    bounds.half.push_back(static_cast<float>(0.5 * high - 0.5 * low));
    if (!std::isfinite(bounds.half.back()) || !std::isfinite(bounds.center.back()) ||
        bounds.low.back() >= bounds.high.back()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "action ", j, " lies in [", NumberText(low), ", ", NumberText(high),
          "], which float32 cannot tell apart or hold; export to .npz, which keeps float64"));
    }
    bounds.is_unit = bounds.is_unit && low == -1.0 && high == 1.0;
  }
  return bounds;
}

}  // namespace pmoe
