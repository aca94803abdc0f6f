// Ant v5, v4 and v2: a four-legged walker in 3D, rewarded for forward speed while its height is in
// range and its contacts are soft. Oracle: Gymnasium's ant_v5.py and ant_v4.py.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/numpy_math.h"
#include "actor/env/state_names.h"
#include "actor/env/tasks/body_terms.h"
#include "actor/env/tasks/locomotion_reward.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kForcesPerBody = 6;

bool AllFinite(absl::Span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

struct AntOptions {
  LocomotionReward reward{.ctrl_cost_weight = 0.5};
  bool contact_cost = true;  // v4 pays none unless it observes the forces
  double contact_cost_weight = 5e-4;
  int main_body = 1;  // whose speed counts: the torso
  Range healthy_z_range = kAntHealthyZ;
  Range contact_force_range{-1.0, 1.0};
  bool exclude_current_positions_from_observation = true;  // leaves x and y out
  bool include_cfrc_ext_in_observation = true;
  int observed_bodies_begin = 1;  // first one whose forces are observed: v4 has the world's too

  int skipped() const { return exclude_current_positions_from_observation ? 2 : 0; }
};

// What the version does with the contact forces; returns whether they are computed at all.
bool ReadContactForces(const EnvRequest& request, EnvArgs* args, AntOptions* options) {
  if (request.version() > 4) {
    args->Bool("include_cfrc_ext_in_observation", &options->include_cfrc_ext_in_observation);
    return true;
  }
  options->observed_bodies_begin = 0;
  if (request.version() < 4) return ReadContactForcesOfV2(args);
  bool used = false;
  args->Bool("use_contact_forces", &used);
  options->include_cfrc_ext_in_observation = used;
  options->contact_cost = used;
  return used;
}

class Ant final : public MujocoEnv {
 public:
  Ant(MujocoSetup setup, const AntOptions& options, int obs_dim)
      : MujocoEnv(std::move(setup), obs_dim),
        options_(options),
        contact_forces_(static_cast<size_t>(kForcesPerBody * model().nbody)) {}

  double Progress() const override { return data().xpos[3 * options_.main_body]; }
  void Observe(absl::Span<double> obs) const override {
    double* const next = WriteState(options_.skipped(), obs);
    if (!options_.include_cfrc_ext_in_observation) return;
    const absl::Span<const double> forces =
        ContactForces().subspan(kForcesPerBody * options_.observed_bodies_begin);
    std::copy(forces.begin(), forces.end(), next);
  }
  std::vector<std::string> ObservationNames() const override {
    std::vector<std::string> names = StateNames(model(), options_.skipped());
    if (!options_.include_cfrc_ext_in_observation) return names;
    for (int body = options_.observed_bodies_begin; body < static_cast<int>(model().nbody);
         ++body) {
      for (int i = 0; i < kForcesPerBody; ++i) {
        names.push_back(ObjectNumberName(model(), mjOBJ_BODY, body, "cfrc_ext", i, kForcesPerBody));
      }
    }
    return names;
  }
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override {
    const bool healthy = AntIsHealthy(options_.healthy_z_range, qpos(), qvel());
    const double contact_cost =
        options_.contact_cost ? options_.contact_cost_weight * NumpySumOfSquares(ContactForces())
                              : 0.0;
    return options_.reward.Pay(healthy, velocity,
                               ControlCost(options_.reward.ctrl_cost_weight, action), contact_cost);
  }

  // cfrc_ext of all bodies, each number within the range; 6 per body. Of the step before.
  absl::Span<const double> ContactForces() const {
    const double* const raw = data().cfrc_ext;
    std::transform(raw, raw + contact_forces_.size(), contact_forces_.begin(),
                   [this](double force) {
                     return NumpyClip(force, options_.contact_force_range.low,
                                      options_.contact_force_range.high);
                   });
    return contact_forces_;
  }

  AntOptions options_;
  mutable std::vector<double> contact_forces_;  // scratch of ContactForces
};

}  // namespace

bool AntIsHealthy(const Range& healthy_z, absl::Span<const double> qpos,
                  absl::Span<const double> qvel) {
  return AllFinite(qpos) && AllFinite(qvel) && healthy_z.low <= qpos[2] &&
         qpos[2] <= healthy_z.high;
}

absl::StatusOr<std::unique_ptr<Env>> MakeAnt(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "ant.xml",
                     .frame_skip = 5,
                     .reset_noise_scale = 0.1,
                     .normal_velocity_noise = true,
                     .nq_min = 3};
  AntOptions options;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  options.reward.Read(request, &args);
  args.Float("contact_cost_weight", &options.contact_cost_weight);
  std::string main_body = "1";
  args.String("main_body", &main_body);
  args.Interval("healthy_z_range", &options.healthy_z_range);
  args.Interval("contact_force_range", &options.contact_force_range);
  args.Bool("exclude_current_positions_from_observation",
            &options.exclude_current_positions_from_observation);
  base.contact_forces = ReadContactForces(request, &args, &options);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  PMOE_ASSIGN_OR_RETURN(options.main_body, setup.BodyArg("main_body", main_body));
  int obs_dim = setup.StateDim(options.skipped());
  if (options.include_cfrc_ext_in_observation) {
    obs_dim +=
        kForcesPerBody * (static_cast<int>(setup.model->nbody) - options.observed_bodies_begin);
  }
  return absl::WrapUnique(new Ant(std::move(setup), options, obs_dim));
}

}  // namespace pmoe
