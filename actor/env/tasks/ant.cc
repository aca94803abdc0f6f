#include "actor/env/tasks/ant.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "actor/env/numpy_math.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr size_t kForcesPerBody = 6;  // of the world body, which is not observed, too

bool AllFinite(absl::Span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

}  // namespace

bool AntIsHealthy(const AntOptions& options, absl::Span<const double> qpos,
                  absl::Span<const double> qvel) {
  return AllFinite(qpos) && AllFinite(qvel) && options.healthy_z_range.low <= qpos[2] &&
         qpos[2] <= options.healthy_z_range.high;
}

absl::StatusOr<std::unique_ptr<Env>> Ant::Create(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "ant.xml",
                     .frame_skip = 5,
                     .reset_noise_scale = 0.1,
                     .normal_velocity_noise = true,
                     .nq_min = 3,
                     .contact_forces = true};
  AntOptions options;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  args.Float("forward_reward_weight", &options.forward_reward_weight);
  args.Float("ctrl_cost_weight", &options.ctrl_cost_weight);
  args.Float("contact_cost_weight", &options.contact_cost_weight);
  args.Float("healthy_reward", &options.healthy_reward);
  args.Int("main_body", 0, 1 << 20, &options.main_body);
  args.Bool("terminate_when_unhealthy", &options.terminate_when_unhealthy);
  args.Interval("healthy_z_range", &options.healthy_z_range);
  args.Interval("contact_force_range", &options.contact_force_range);
  args.Bool("exclude_current_positions_from_observation",
            &options.exclude_current_positions_from_observation);
  args.Bool("include_cfrc_ext_in_observation", &options.include_cfrc_ext_in_observation);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  if (options.main_body >= setup.model->nbody) {
    return absl::InvalidArgumentError(absl::StrCat(request.id, ": main_body must be below ",
                                                   setup.model->nbody, ", the bodies of ",
                                                   base.xml_file, ", got ", options.main_body));
  }
  int obs_dim = setup.StateDim(options.skipped());
  if (options.include_cfrc_ext_in_observation) {
    obs_dim += static_cast<int>(kForcesPerBody) * (static_cast<int>(setup.model->nbody) - 1);
  }
  return absl::WrapUnique(new Ant(std::move(setup), options, obs_dim));
}

Ant::Ant(MujocoSetup setup, const AntOptions& options, int obs_dim)
    : MujocoEnv(std::move(setup), obs_dim),
      options_(options),
      contact_forces_(kForcesPerBody * static_cast<size_t>(model().nbody)) {}

double Ant::Progress() const { return data().xpos[3 * options_.main_body]; }

absl::Span<const double> Ant::ContactForces() const {
  const double* const raw = data().cfrc_ext;
  std::transform(raw, raw + contact_forces_.size(), contact_forces_.begin(), [this](double force) {
    return NumpyClip(force, options_.contact_force_range.low, options_.contact_force_range.high);
  });
  return contact_forces_;
}

void Ant::Observe(absl::Span<double> obs) const {
  double* const next = WriteState(options_.skipped(), obs);
  if (!options_.include_cfrc_ext_in_observation) return;
  const absl::Span<const double> forces = ContactForces().subspan(kForcesPerBody);
  std::copy(forces.begin(), forces.end(), next);
}

MujocoEnv::Outcome Ant::Evaluate(double velocity, absl::Span<const double> action) const {
  const bool healthy = AntIsHealthy(options_, qpos(), qvel());
  const double forward_reward = velocity * options_.forward_reward_weight;
  const double healthy_reward = healthy ? options_.healthy_reward : 0.0;
  const double ctrl_cost = options_.ctrl_cost_weight * NumpySumOfSquares(action);
  const double contact_cost = options_.contact_cost_weight * NumpySumOfSquares(ContactForces());
  return {.reward = (forward_reward + healthy_reward) - (ctrl_cost + contact_cost),
          .terminated = !healthy && options_.terminate_when_unhealthy};
}

}  // namespace pmoe
