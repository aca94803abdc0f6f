#include "actor/env/control_range.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "actor/env/mjcf/object_names.h"

namespace pmoe {

bool IsBounded(double low, double high) {
  return low < high && std::isfinite(static_cast<float>(high) - static_cast<float>(low));
}

absl::StatusOr<ControlRange> ModelControlRange(const mjModel& model, int actuator) {
  const mjtNum* const range = model.actuator_ctrlrange + 2 * actuator;
  if (IsBounded(range[0], range[1])) return ControlRange{range[0], range[1]};
  const std::string name = DescribeObject(model, mjOBJ_ACTUATOR, actuator);
  const std::string has = range[0] < range[1] ? absl::StrCat(" has the ctrlrange ", range[0], " ",
                                                             range[1], ", which bounds nothing")
                                              : " has no ctrlrange";
  return absl::InvalidArgumentError(
      absl::StrCat(name, has,
                   "; give it one, or bound it in a task file: action { actuator: … range "
                   "{ min: -1 max: 1 } }"));
}

absl::Status SetActionBounds(absl::Span<const ControlRange> ranges, EnvSpec* spec) {
  if (ranges.empty()) return absl::InvalidArgumentError("the model has no actuators");
  spec->action_low.clear();
  spec->action_high.clear();
  for (size_t i = 0; i < ranges.size(); ++i) {
    const double low = static_cast<float>(ranges[i].low);
    const double high = static_cast<float>(ranges[i].high);
    if (!IsBounded(low, high)) {
      return absl::InvalidArgumentError(absl::StrCat("the bounds of action ", i, ", ",
                                                     ranges[i].low, " and ", ranges[i].high,
                                                     ", are no range of finite float32 numbers"));
    }
    spec->action_low.push_back(low);
    spec->action_high.push_back(high);
  }
  spec->action_dim = static_cast<int>(ranges.size());
  return absl::OkStatus();
}

}  // namespace pmoe
