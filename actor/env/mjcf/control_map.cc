#include "actor/env/mjcf/control_map.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "actor/env/control_range.h"
#include "actor/env/mjcf/object_names.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kLatencyStepsMax = 10'000;

// The joint that an actuator drives; -1: it drives something else.
int JointOf(const mjModel& model, int actuator) {
  const int kind = model.actuator_trntype[actuator];
  if (kind != mjTRN_JOINT && kind != mjTRN_JOINTINPARENT) return -1;
  return model.actuator_trnid[2 * actuator];
}

bool HasOneCoordinate(const mjModel& model, int joint) {
  return joint >= 0 &&
         (model.jnt_type[joint] == mjJNT_HINGE || model.jnt_type[joint] == mjJNT_SLIDE);
}

}  // namespace

class ControlMap::Compiler {
 public:
  Compiler(const mjModel& model, const mjData& start, int key)
      : model_(model), start_(start), key_(key) {}

  // Changes the actuators that the map names.
  absl::Status Apply(const ActuatorMap& config, const Place& place,
                     std::vector<Actuator>* actuators) const {
    const absl::StatusOr<std::vector<int>> ids =
        FindObjects(model_, mjOBJ_ACTUATOR, config.actuator());
    if (!ids.ok()) {
      return place.Field(config, "actuator", 0).Error(std::string(ids.status().message()));
    }
    if (!config.has_scale() && config.centre_case() != ActuatorMap::CENTRE_NOT_SET) {
      return place.Error("has a centre and no scale, such as scale: 0.25");
    }
    if (config.has_scale() && !(config.scale() > 0 && std::isfinite(config.scale()))) {
      return place.Field(config, "scale").Error(absl::StrCat("must be > 0, got ", config.scale()));
    }
    PMOE_RETURN_IF_ERROR(CheckErrors(config, place));
    for (const int id : *ids) {
      Actuator actuator;
      PMOE_RETURN_IF_ERROR(Bound(config, place, id, &actuator));
      actuator.noise = config.noise();
      if (config.has_bias()) actuator.bias = config.bias();
      if (config.has_scale()) {
        actuator.maps = true;
        actuator.scale = config.scale();
        PMOE_RETURN_IF_ERROR(Centre(config, place, id, &actuator.centre));
      }
      (*actuators)[id] = actuator;
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status CheckErrors(const ActuatorMap& config, const Place& place) {
    if (!(config.noise() >= 0 && std::isfinite(config.noise()))) {
      return place.Field(config, "noise").Error(absl::StrCat("must be >= 0, got ", config.noise()));
    }
    if (!config.has_bias()) return absl::OkStatus();
    return CheckInterval(config.bias(), place.Field(config, "bias"), /*bounded=*/true);
  }

  std::string Name(int id) const { return DescribeObject(model_, mjOBJ_ACTUATOR, id); }

  absl::Status Bound(const ActuatorMap& config, const Place& place, int id,
                     Actuator* actuator) const {
    if (config.has_range()) {
      PMOE_RETURN_IF_ERROR(
          CheckInterval(config.range(), place.Field(config, "range"), /*bounded=*/true));
      return SetBounds(config.range().min(), config.range().max(), place, id, actuator);
    }
    const int joint = JointOf(model_, id);
    const mjtNum* range = model_.actuator_ctrlrange + 2 * id;
    bool limited = model_.actuator_ctrllimited[id] != 0;
    switch (config.range_from()) {
      case ActuatorMap::CTRLRANGE:
        // A map may do without: then the control is as free as the model leaves it.
        if (!limited && config.has_scale()) return absl::OkStatus();
        break;
      case ActuatorMap::JOINT_RANGE:
        range = joint < 0 ? nullptr : model_.jnt_range + 2 * joint;
        limited = joint >= 0 && model_.jnt_limited[joint] != 0;
        break;
      case ActuatorMap::JOINT_FORCE_RANGE:
        range = joint < 0 ? nullptr : model_.jnt_actfrcrange + 2 * joint;
        limited = joint >= 0 && model_.jnt_actfrclimited[joint] != 0;
        break;
      case ActuatorMap::FORCE_RANGE:
        range = model_.actuator_forcerange + 2 * id;
        limited = model_.actuator_forcelimited[id] != 0;
        break;
    }
    if (!limited || range == nullptr) {
      return place.Error(absl::StrCat(Name(id), " has no ",
                                      ActuatorMap::Source_Name(config.range_from()),
                                      "; give its bounds with range { min: max: }"));
    }
    return SetBounds(range[0], range[1], place, id, actuator);
  }

  absl::Status SetBounds(double low, double high, const Place& place, int id,
                         Actuator* actuator) const {
    if (!IsBounded(low, high)) {
      return place.Error(absl::StrCat("the bounds of ", Name(id),
                                      " must be finite, min < max, got ", low, " and ", high));
    }
    actuator->cuts = true;
    actuator->low = low;
    actuator->high = high;
    return absl::OkStatus();
  }

  absl::Status Centre(const ActuatorMap& config, const Place& place, int id, double* centre) const {
    if (config.around_keyframe()) {
      if (key_ < 0) return place.Error("around_keyframe needs the task's keyframe");
      *centre = model_.key_ctrl[key_ * model_.nu + id];
    } else if (config.around_pose()) {
      const int joint = JointOf(model_, id);
      if (!HasOneCoordinate(model_, joint)) {
        return place.Error(absl::StrCat("around_pose: ", Name(id),
                                        " does not drive one hinge or slide joint; use offset"));
      }
      *centre = start_.qpos[model_.jnt_qposadr[joint]];
    } else {
      *centre = config.offset();
    }
    if (std::isfinite(*centre)) return absl::OkStatus();
    return place.Error(absl::StrCat("the centre of ", Name(id), " must be a number"));
  }

  const mjModel& model_;
  const mjData& start_;
  const int key_;
};

absl::StatusOr<ControlMap> ControlMap::Compile(const MjcfTaskConfig& task, const Place& place,
                                               const mjModel& model, const mjData& start, int key,
                                               int frame_skip, EpisodeMemory* memory,
                                               EnvSpec* spec) {
  ControlMap map;
  map.memory_ = memory;
  map.frame_skip_ = frame_skip;
  map.actuators_.resize(model.nu);
  const Compiler compiler(model, start, key);
  for (int i = 0; i < task.action_size(); ++i) {
    PMOE_RETURN_IF_ERROR(
        compiler.Apply(task.action(i), place.Field(task, "action", i), &map.actuators_));
  }
  std::vector<ControlRange> ranges(static_cast<size_t>(model.nu));
  for (int i = 0; i < model.nu; ++i) {
    const Actuator& actuator = map.actuators_[i];
    if (actuator.maps) {
      ranges[i] = {-1.0, 1.0};
    } else if (actuator.cuts) {
      ranges[i] = {actuator.low, actuator.high};
    } else {
      const absl::StatusOr<ControlRange> range = ModelControlRange(model, i);
      if (!range.ok()) {
        return place.Field(task, "model")
            .Error(absl::StrCat(task.model(), ": ", std::string(range.status().message())));
      }
      ranges[i] = *range;
    }
  }
  PMOE_RETURN_IF_ERROR(SetActionBounds(ranges, spec));
  map.newest_.resize(model.nu);
  const auto biased = [](const Actuator& actuator) { return actuator.bias.has_value(); };
  if (std::any_of(map.actuators_.begin(), map.actuators_.end(), biased)) {
    map.bias_ = memory->Allocate(map.actuators_.size());
  }
  if (!task.has_action_latency_steps()) return map;
  map.latency_ = task.action_latency_steps();
  PMOE_RETURN_IF_ERROR(
      CheckSteps(map.latency_, place.Field(task, "action_latency_steps"), kLatencyStepsMax));
  const int ages = (static_cast<int>(map.latency_.max()) + frame_skip - 1) / frame_skip + 1;
  map.latency_steps_ = memory->Allocate(1);
  map.pending_ = memory->Allocate(static_cast<size_t>(ages) * map.actuators_.size());
  return map;
}

void ControlMap::Remember() {
  if (!last_.empty()) return;
  last_ = memory_->Allocate(actuators_.size());
  before_ = memory_->Allocate(actuators_.size());
  count_ = memory_->Allocate(1);
}

absl::Span<double> ControlMap::LastAction() {
  Remember();
  return last_;
}

absl::Span<double> ControlMap::ActionBefore() {
  Remember();
  return before_;
}

double ControlMap::ActionRate() const {
  if (last_.empty() || count_[0] < 2) return 0.0;
  double sum = 0.0;
  for (size_t i = 0; i < last_.size(); ++i) {
    sum += (last_[i] - before_[i]) * (last_[i] - before_[i]);
  }
  return sum;
}

void ControlMap::Start(Pcg64* generator, const mjData& data) {
  if (!last_.empty()) {
    std::fill(last_.begin(), last_.end(), 0.0);
    std::fill(before_.begin(), before_.end(), 0.0);
    count_[0] = 0.0;
  }
  const size_t actions = actuators_.size();
  if (!pending_.empty()) {
    latency_steps_[0] = std::floor(generator->Uniform(latency_.min(), latency_.max() + 1));
    for (size_t i = 0; i < pending_.size(); ++i) pending_[i] = data.ctrl[i % actions];
  }
  for (size_t i = 0; i < bias_.size(); ++i) {
    const std::optional<Interval>& bias = actuators_[i].bias;
    bias_[i] = bias.has_value() ? generator->Uniform(bias->min(), bias->max()) : 0.0;
  }
}

void ControlMap::Take(absl::Span<const double> action, Pcg64* generator) {
  const size_t actions = actuators_.size();
  if (!last_.empty()) {
    std::copy(last_.begin(), last_.end(), before_.begin());
    std::copy(action.begin(), action.end(), last_.begin());
    count_[0] = std::min(count_[0] + 1, 2.0);
  }
  for (size_t i = 0; i < actions; ++i) {
    const Actuator& actuator = actuators_[i];
    double control = actuator.maps ? actuator.centre + actuator.scale * action[i] : action[i];
    if (!bias_.empty()) control += bias_[i];
    if (actuator.noise > 0) control += actuator.noise * generator->StandardNormal();
    if (actuator.cuts) control = std::clamp(control, actuator.low, actuator.high);
    newest_[i] = control;
  }
  if (pending_.empty()) return;
  std::copy_backward(pending_.begin(), pending_.end() - actions, pending_.end());
  std::copy(newest_.begin(), newest_.end(), pending_.begin());
}

// An action that came `age` environment steps ago took effect age * frame_skip - latency simulator
// steps ago: the newest for which that is not in the future is in force.
void ControlMap::WriteControls(int simulator_step, mjData* data) const {
  if (pending_.empty()) {
    if (simulator_step == 0) std::copy(newest_.begin(), newest_.end(), data->ctrl);
    return;
  }
  const size_t actions = actuators_.size();
  const int ages = static_cast<int>(pending_.size() / actions);
  const double missing = std::clamp(latency_steps_[0], 0.0, latency_.max()) - simulator_step;
  const int age = missing > 0 ? static_cast<int>(std::ceil(missing / frame_skip_)) : 0;
  const auto from = pending_.begin() + static_cast<size_t>(std::min(age, ages - 1)) * actions;
  std::copy(from, from + actions, data->ctrl);
}

}  // namespace pmoe
