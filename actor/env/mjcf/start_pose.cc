#include "actor/env/mjcf/start_pose.h"

#include <array>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "actor/env/mjcf/object_names.h"
#include "actor/env/mujoco_errors.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kSettleStepsMax = 100'000;
constexpr size_t kFreeJointNumbers = 7;

absl::Status CheckDraw(const StartDraw& config, const Place& place, const Selection& numbers) {
  switch (config.slice().array()) {
    case QPOS:
    case QVEL:
    case ACT:
    case CTRL:
    case MOCAP_POS:
    case MOCAP_QUAT:
      break;
    default:
      return place.Field(config, "slice")
          .Error(absl::StrCat(SimulatorArray_Name(config.slice().array()),
                              " follows from the pose; draw QPOS, QVEL, ACT, CTRL, MOCAP_POS or "
                              "MOCAP_QUAT"));
  }
  switch (config.kind_case()) {
    case StartDraw::kRange:
      return CheckInterval(config.range(), place.Field(config, "range"), /*bounded=*/true);
    case StartDraw::kYaw:
      PMOE_RETURN_IF_ERROR(
          CheckInterval(config.yaw(), place.Field(config, "yaw"), /*bounded=*/true));
      if (config.slice().array() == QPOS && numbers.size() == kFreeJointNumbers) {
        return absl::OkStatus();
      }
      return place.Field(config, "yaw").Error("turns the QPOS of one free joint");
    case StartDraw::kNoise:
    case StartDraw::kNormalNoise: {
      const double scale = config.has_noise() ? config.noise() : config.normal_noise();
      if (scale >= 0 && std::isfinite(2 * scale)) return absl::OkStatus();
      return place.Field(config, config.has_noise() ? "noise" : "normal_noise")
          .Error(absl::StrCat("must be a finite number >= 0, got ", scale));
    }
    case StartDraw::KIND_NOT_SET:
      break;
  }
  return place.Error("has no kind: give it range, noise, normal_noise or yaw");
}

// Turns the orientation of a free joint's seven numbers about the world's vertical.
void Turn(absl::Span<double> free_joint, double angle) {
  const std::array<double, 3> up = {0.0, 0.0, 1.0};
  std::array<double, 4> turn, turned;
  mju_axisAngle2Quat(turn.data(), up.data(), angle);
  mju_mulQuat(turned.data(), turn.data(), free_joint.data() + 3);
  mju_copy4(free_joint.data() + 3, turned.data());
}

}  // namespace

absl::StatusOr<int> FindKeyframe(const MjcfTaskConfig& task, const Place& place,
                                 const mjModel& model) {
  if (!task.has_keyframe()) return -1;
  const absl::StatusOr<int> named = FindObject(model, mjOBJ_KEY, task.keyframe());
  if (named.ok()) return named;
  int index = -1;
  if (absl::SimpleAtoi(task.keyframe(), &index) && index >= 0 && index < model.nkey) return index;
  return place.Field(task, "keyframe")
      .Error(absl::StrCat(std::string(named.status().message()), "; it has ", model.nkey,
                          " keyframes"));
}

absl::StatusOr<StartPose> StartPose::Compile(const MjcfTaskConfig& task, const Place& place,
                                             const mjModel& model, const SliceSource& source) {
  StartPose pose;
  for (int i = 0; i < task.start_size(); ++i) {
    const StartDraw& config = task.start(i);
    const Place at = place.Field(task, "start", i);
    PMOE_ASSIGN_OR_RETURN(Selection numbers,
                          FindSlice(config.slice(), source, at.Field(config, "slice")));
    PMOE_RETURN_IF_ERROR(CheckDraw(config, at, numbers));
    pose.draws_.push_back({config, std::move(numbers)});
  }
  const double steps = std::round(task.settle_s() / model.opt.timestep);
  if (!(steps >= 0 && steps <= kSettleStepsMax)) {
    return place.Field(task, "settle_s")
        .Error(absl::StrCat("must be >= 0 and at most ", kSettleStepsMax * model.opt.timestep,
                            " s, got ", task.settle_s()));
  }
  pose.settle_steps_ = static_cast<int>(steps);
  return pose;
}

void StartPose::Draw(const mjModel& model, Pcg64* generator, mjData* data) const {
  if (draws_.empty()) return;
  for (const Entry& entry : draws_) {
    const StartDraw& config = entry.config;
    if (config.has_yaw()) {
      Turn(entry.numbers.parts()[0], generator->Uniform(config.yaw().min(), config.yaw().max()));
      continue;
    }
    for (const absl::Span<double> part : entry.numbers.parts()) {
      for (double& x : part) {
        if (config.has_range()) {
          x = generator->Uniform(config.range().min(), config.range().max());
        } else if (config.has_noise()) {
          x += generator->Uniform(-config.noise(), config.noise());
        } else {
          x += config.normal_noise() * generator->StandardNormal();
        }
      }
    }
  }
  mj_normalizeQuat(&model, data->qpos);
}

void StartPose::Settle(const mjModel& model, mjData* data) const {
  if (settle_steps_ == 0) return;
  for (int i = 0; i < settle_steps_; ++i) CallMujoco(mj_step, model, data);
  data->time = 0.0;
}

}  // namespace pmoe
