#include "actor/env/tasks/humanoid.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "actor/env/numpy_math.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr size_t kRootPositions = 2;  // x and y
constexpr size_t kRootDofs = 6;

// One observed array, and how many of its leading numbers are left out (the world body, the root
// joint).
struct Term {
  bool included;
  const double* values;
  size_t size;
  size_t skipped;
};

template <typename Visitor>
void VisitTerms(const HumanoidOptions& options, const mjModel& model, const mjData& data,
                Visitor visit) {
  const size_t bodies = model.nbody;
  const size_t dofs = model.nv;
  const size_t positions = model.nq;
  const size_t skipped = options.exclude_current_positions_from_observation ? kRootPositions : 0;
  const Term terms[] = {
      {true, data.qpos, positions, skipped},
      {true, data.qvel, dofs, 0},
      {options.include_cinert_in_observation, data.cinert, 10 * bodies, 10},
      {options.include_cvel_in_observation, data.cvel, 6 * bodies, 6},
      {options.include_qfrc_actuator_in_observation, data.qfrc_actuator, dofs, kRootDofs},
      {options.include_cfrc_ext_in_observation, data.cfrc_ext, 6 * bodies, 6},
  };
  for (const Term& term : terms) {
    if (term.included) {
      visit(absl::MakeConstSpan(term.values + term.skipped, term.size - term.skipped));
    }
  }
}

void ReadOptions(EnvArgs* args, HumanoidOptions* options) {
  args->Float("forward_reward_weight", &options->forward_reward_weight);
  args->Float("ctrl_cost_weight", &options->ctrl_cost_weight);
  args->Float("contact_cost_weight", &options->contact_cost_weight);
  args->Interval("contact_cost_range", &options->contact_cost_range);
  args->Float("healthy_reward", &options->healthy_reward);
  args->Bool("terminate_when_unhealthy", &options->terminate_when_unhealthy);
  args->Interval("healthy_z_range", &options->healthy_z_range);
  args->Bool("exclude_current_positions_from_observation",
             &options->exclude_current_positions_from_observation);
  args->Bool("include_cinert_in_observation", &options->include_cinert_in_observation);
  args->Bool("include_cvel_in_observation", &options->include_cvel_in_observation);
  args->Bool("include_qfrc_actuator_in_observation",
             &options->include_qfrc_actuator_in_observation);
  args->Bool("include_cfrc_ext_in_observation", &options->include_cfrc_ext_in_observation);
}

}  // namespace

bool HumanoidIsHealthy(const HumanoidOptions& options, double z) {
  return options.healthy_z_range.low < z && z < options.healthy_z_range.high;
}

absl::StatusOr<std::unique_ptr<Env>> Humanoid::Create(const EnvRequest& request) {
  MujocoOptions base{.xml_file = "humanoid.xml",
                     .frame_skip = 5,
                     .reset_noise_scale = 1e-2,
                     .nq_min = 7,
                     .nv_min = kRootDofs,
                     .contact_forces = true};
  HumanoidOptions options;
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  ReadOptions(&args, &options);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  size_t obs_dim = 0;
  VisitTerms(options, *setup.model, *setup.data,
             [&obs_dim](absl::Span<const double> values) { obs_dim += values.size(); });
  return absl::WrapUnique(new Humanoid(std::move(setup), options, static_cast<int>(obs_dim)));
}

Humanoid::Humanoid(MujocoSetup setup, const HumanoidOptions& options, int obs_dim)
    : MujocoEnv(std::move(setup), obs_dim),
      options_(options),
      mass_(NumpySum({model().body_mass, static_cast<size_t>(model().nbody)})) {}

// x of the centre of mass. Summed in body order like np.einsum("b,bj->j"), not pairwise like
// np.sum.
double Humanoid::Progress() const {
  double moment = 0.0;
  for (int body = 0; body < model().nbody; ++body) {
    moment += model().body_mass[body] * data().xipos[3 * body];
  }
  return moment / mass_;
}

void Humanoid::Observe(absl::Span<double> obs) const {
  auto next = obs.begin();
  VisitTerms(options_, model(), data(), [&next](absl::Span<const double> values) {
    next = std::copy(values.begin(), values.end(), next);
  });
}

// The control cost is of data.ctrl, which holds the action unclipped.
MujocoEnv::Outcome Humanoid::Evaluate(double velocity, absl::Span<const double> action) const {
  const bool healthy = HumanoidIsHealthy(options_, qpos()[2]);
  const absl::Span<const double> contact_forces(data().cfrc_ext,
                                                6 * static_cast<size_t>(model().nbody));
  const double forward_reward = options_.forward_reward_weight * velocity;
  const double healthy_reward = healthy ? options_.healthy_reward : 0.0;
  const double ctrl_cost = options_.ctrl_cost_weight * NumpySumOfSquares(action);
  const double contact_cost =
      NumpyClip(options_.contact_cost_weight * NumpySumOfSquares(contact_forces),
                options_.contact_cost_range.low, options_.contact_cost_range.high);
  return {.reward = (forward_reward + healthy_reward) - (ctrl_cost + contact_cost),
          .terminated = !healthy && options_.terminate_when_unhealthy};
}

}  // namespace pmoe
