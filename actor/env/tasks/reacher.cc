#include "actor/env/tasks/reacher.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/numpy_math.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr size_t kLinks = 2;
constexpr size_t kTargetSize = 2;     // the target's coordinates are the last ones
constexpr double kTargetMax_m = 0.2;  // its greatest distance from the centre
constexpr double kAngleNoise = 0.1;   // rad
constexpr double kReacherVelocityNoise = 5e-3;

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> Reacher::Create(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "reacher.xml",
                     .frame_skip = 2,
                     .max_episode_steps = 50,
                     .nq_min = static_cast<int>(kLinks + kTargetSize),
                     .nv_min = static_cast<int>(kLinks + kTargetSize)};
  ReacherOptions options;
  EnvArgs args(request.id, request.args);
  base.ReadWithoutNoise(&args);
  args.Float("reward_dist_weight", &options.reward_dist_weight);
  args.Float("reward_control_weight", &options.reward_control_weight);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  PMOE_ASSIGN_OR_RETURN(options.fingertip, setup.Body("fingertip"));
  PMOE_ASSIGN_OR_RETURN(options.target, setup.Body("target"));
  const int obs_dim = static_cast<int>(setup.model->nq + kLinks + kLinks + 2);
  return absl::WrapUnique(new Reacher(std::move(setup), options, obs_dim));
}

Reacher::Reacher(MujocoSetup setup, const ReacherOptions& options, int obs_dim)
    : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

void Reacher::AddResetNoise(Pcg64* generator, absl::Span<double> qpos,
                            absl::Span<double> qvel) const {
  AddUniformNoise(kAngleNoise, generator, qpos);
  std::array<double, kTargetSize> target;
  do {
    target = {};
    AddUniformNoise(kTargetMax_m, generator, absl::MakeSpan(target));
  } while (!(NumpyNorm(target) < kTargetMax_m));
  std::copy(target.begin(), target.end(), qpos.end() - kTargetSize);
  AddUniformNoise(kReacherVelocityNoise, generator, qvel);
  std::fill(qvel.end() - kTargetSize, qvel.end(), 0.0);
}

void Reacher::Observe(absl::Span<double> obs) const {
  const absl::Span<const double> angles = qpos().first(kLinks);
  double* next = obs.data();
  for (const double angle : angles) *next++ = std::cos(angle);
  for (const double angle : angles) *next++ = std::sin(angle);
  next = std::copy(qpos().begin() + kLinks, qpos().end(), next);
  next = std::copy(qvel().begin(), qvel().begin() + kLinks, next);
  const std::array<double, 3> offset = Offset(options_.fingertip, options_.target);
  std::copy(offset.begin(), offset.begin() + 2, next);
}

MujocoEnv::Outcome Reacher::Evaluate(double, absl::Span<const double> action) const {
  const double distance = NumpyNorm(Offset(options_.fingertip, options_.target));
  const double dist_reward = -distance * options_.reward_dist_weight;
  const double ctrl_reward = -ControlCost(options_.reward_control_weight, action);
  return {.reward = dist_reward + ctrl_reward, .terminated = false};
}

}  // namespace pmoe
