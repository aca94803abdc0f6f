// HalfCheetah v5, v4 and v2, which are the same, and Swimmer-v5: rewarded for forward speed less
// effort; never end early. Oracle: Gymnasium's half_cheetah_v5.py and swimmer_v5.py.
#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/state_names.h"
#include "actor/env/tasks/tasks.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

struct ForwardOptions {
  double forward_reward_weight = 1.0;
  double ctrl_cost_weight = 0.1;
  int skipped = 1;  // positions that are not observed: x, and y of a swimmer
};

class ForwardTask final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request, MujocoOptions base,
                                                     ForwardOptions options) {
    bool exclude = true;
    EnvArgs args(request.id, request.args);
    base.Read(&args);
    args.Float("forward_reward_weight", &options.forward_reward_weight);
    args.Float("ctrl_cost_weight", &options.ctrl_cost_weight);
    args.Bool("exclude_current_positions_from_observation", &exclude);
    if (!exclude) options.skipped = 0;
    PMOE_RETURN_IF_ERROR(args.Finish());
    PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
    const int obs_dim = setup.StateDim(options.skipped);
    return absl::WrapUnique(new ForwardTask(std::move(setup), options, obs_dim));
  }

 private:
  ForwardTask(MujocoSetup setup, const ForwardOptions& options, int obs_dim)
      : MujocoEnv(std::move(setup), obs_dim), options_(options) {}

  double Progress() const override { return qpos()[0]; }
  void Observe(absl::Span<double> obs) const override { WriteState(options_.skipped, obs); }
  std::vector<std::string> ObservationNames() const override {
    return StateNames(model(), options_.skipped);
  }
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override {
    const double forward_reward = options_.forward_reward_weight * velocity;
    const double ctrl_cost = ControlCost(options_.ctrl_cost_weight, action);
    return {.reward = forward_reward - ctrl_cost, .terminated = false};
  }

  const ForwardOptions options_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> MakeHalfCheetah(const EnvRequest& request) {
  return ForwardTask::Create(request,
                             {.xml_file = "half_cheetah.xml",
                              .frame_skip = 5,
                              .reset_noise_scale = 0.1,
                              .normal_velocity_noise = true},
                             {});
}

absl::StatusOr<std::unique_ptr<Env>> MakeSwimmer(const EnvRequest& request) {
  return ForwardTask::Create(
      request, {.xml_file = "swimmer.xml", .frame_skip = 4, .reset_noise_scale = 0.1, .nq_min = 2},
      {.ctrl_cost_weight = 1e-4, .skipped = 2});
}

}  // namespace pmoe
