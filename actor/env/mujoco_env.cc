#include "actor/env/mujoco_env.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "actor/env/control_range.h"
#include "actor/env/env_state.h"
#include "actor/env/mjcf/object_names.h"
#include "actor/env/mujoco_errors.h"
#include "actor/env/mujoco_state.h"
#include "actor/env/numpy_math.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

#ifdef __FAST_MATH__
#error "this file must round as NumPy does: build it without -ffast-math and -Ofast"
#endif

namespace pmoe {
namespace {

constexpr int kEpisodeStepsMax = 1'000'000'000;

absl::Status FillActionBounds(const mjModel& model, const std::string& path, EnvSpec* spec) {
  std::vector<ControlRange> ranges;
  absl::Status status;
  for (int i = 0; i < model.nu && status.ok(); ++i) {
    const absl::StatusOr<ControlRange> range = ModelControlRange(model, i);
    if (range.ok()) ranges.push_back(*range);
    status = range.status();
  }
  if (status.ok()) status = SetActionBounds(ranges, spec);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(status.message())));
}

std::string Identity(const EnvSpec& spec) {
  return EnvIdentity(spec, absl::StrCat("MuJoCo ", mj_versionString()));
}

// Whether MuJoCo met numbers that it cannot go on with since the reset. It then starts over from
// the initial pose by itself, or ignores the controls, in the middle of an episode.
bool HasDiverged(const mjData& data) {
  for (const int warning : {mjWARN_BADQPOS, mjWARN_BADQVEL, mjWARN_BADQACC, mjWARN_BADCTRL}) {
    if (data.warning[warning].number > 0) return true;
  }
  return false;
}

}  // namespace

void MujocoOptions::Read(EnvArgs* args) {
  ReadWithoutNoise(args);
  args->NonNegative("reset_noise_scale", &reset_noise_scale);
}

void MujocoOptions::ReadWithoutNoise(EnvArgs* args) {
  args->String("xml_file", &xml_file);
  args->Int("frame_skip", 1, kFrameSkipMax, &frame_skip);
  args->Int("max_episode_steps", -1, kEpisodeStepsMax, &max_episode_steps);
  if (!bounded_by_model) return;  // a task file: what it does with actions is its own
  std::string action_dtype = "float64";
  args->Choice("action_dtype", {"float64", "float32"}, &action_dtype);
  float32_actions = action_dtype == "float32";
}

absl::StatusOr<MujocoSetup> MujocoSetup::Load(const EnvRequest& request,
                                              const MujocoOptions& options) {
  const std::string path = ModelPath(options.xml_file, request.assets_dir);
  MujocoSetup setup;
  setup.options = options;
  setup.path = path;
  PMOE_ASSIGN_OR_RETURN(setup.model, LoadModel(path));
  const mjModel& model = *setup.model;
  if (model.nq < options.nq_min || model.nv < options.nv_min) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " has nq = ", model.nq, " and nv = ", model.nv, ", but ", request.id,
        " needs at least ", options.nq_min, " and ", options.nv_min, "; see xml_file"));
  }
  setup.spec.id = request.id;
  setup.spec.args = request.args;
  setup.spec.max_episode_steps = std::max(0, options.max_episode_steps);
  if (options.bounded_by_model) {
    PMOE_RETURN_IF_ERROR(FillActionBounds(model, path, &setup.spec));
  }
  setup.data = MakeData(model);
  return setup;
}

absl::StatusOr<int> MujocoSetup::Body(const std::string& name) const {
  const absl::StatusOr<int> body = FindObject(*model, mjOBJ_BODY, name);
  if (body.ok()) return body;
  return absl::InvalidArgumentError(absl::StrCat(options.xml_file, ", for ", spec.id, ": ",
                                                 std::string(body.status().message())));
}

absl::StatusOr<int> MujocoSetup::BodyArg(const std::string& arg, const std::string& value) const {
  int body = 0;
  if (!absl::SimpleAtoi(value, &body)) {
    const absl::StatusOr<int> named = FindObject(*model, mjOBJ_BODY, value);
    if (named.ok()) return named;
    return absl::InvalidArgumentError(
        absl::StrCat(spec.id, ": ", arg, "=", value, ": ", std::string(named.status().message())));
  }
  if (body >= 0 && body < model->nbody) return body;
  return absl::InvalidArgumentError(absl::StrCat(spec.id, ": ", arg, " must be below ",
                                                 model->nbody, ", the bodies of ", options.xml_file,
                                                 ", or the name of one, got ", value));
}

MujocoEnv::MujocoEnv(MujocoSetup setup, int obs_dim)
    : setup_(std::move(setup)),
      initial_qpos_(qpos().begin(), qpos().end()),
      initial_qvel_(qvel().begin(), qvel().end()),
      step_s_(setup_.model->opt.timestep * setup_.options.frame_skip) {
  setup_.spec.obs_dim = obs_dim;
}

double* MujocoEnv::WritePositions(int skipped, absl::Span<double> obs) const {
  return std::copy(qpos().begin() + skipped, qpos().end(), obs.data());
}

double* MujocoEnv::WriteState(int skipped, absl::Span<double> obs) const {
  return std::copy(qvel().begin(), qvel().end(), WritePositions(skipped, obs));
}

std::array<double, 3> MujocoEnv::Offset(int a, int b) const {
  const double* const from = data().xpos + 3 * b;
  const double* const to = data().xpos + 3 * a;
  return {to[0] - from[0], to[1] - from[1], to[2] - from[2]};
}

void MujocoEnv::AddResetNoise(Pcg64* generator, absl::Span<double> qpos,
                              absl::Span<double> qvel) const {
  const double scale = options().reset_noise_scale;
  AddUniformNoise(scale, generator, qpos);
  if (!options().normal_velocity_noise) return AddUniformNoise(scale, generator, qvel);
  for (double& v : qvel) v += scale * generator->StandardNormal();
}

void MujocoEnv::StartEpisode(Pcg64* generator, mjData* data) {
  std::copy(initial_qpos_.begin(), initial_qpos_.end(), data->qpos);
  std::copy(initial_qvel_.begin(), initial_qvel_.end(), data->qvel);
  AddResetNoise(generator, {data->qpos, qpos_size()}, {data->qvel, qvel_size()});
}

void MujocoEnv::Simulate(absl::Span<const double> action, Pcg64*, mjData* data) {
  std::copy(action.begin(), action.end(), data->ctrl);
  for (int i = 0; i < options().frame_skip; ++i) CallMujoco(mj_step, *setup_.model, data);
}

void MujocoEnv::Reset(std::optional<uint64_t> seed, absl::Span<double> obs) {
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec().obs_dim));
  if (seed.has_value()) generator_ = Pcg64(*seed);
  mjData* const data = setup_.data.get();
  mj_resetData(setup_.model.get(), data);
  StartEpisode(&generator_, data);
  CallMujoco(mj_forward, *setup_.model, data);
  elapsed_steps_ = 0;
  was_reset_ = true;
  PrepareObservation(/*first=*/true, &generator_, data);
  Observe(obs);
}

absl::Span<const double> MujocoEnv::RoundAction(absl::Span<const double> action) {
  if (!options().float32_actions) return action;
  rounded_.resize(action.size());
  std::transform(action.begin(), action.end(), rounded_.begin(),
                 [](double x) { return static_cast<float>(x); });
  return rounded_;
}

double MujocoEnv::ControlCost(double weight, absl::Span<const double> action) const {
  if (!options().float32_actions) return weight * NumpySumOfSquares(action);
  return static_cast<float>(weight) * NumpySumOfSquaresFloat32(action);
}

// No mj_forward at the end: like Gymnasium's, the body positions and velocities stay one simulator
// step behind qpos.
StepResult MujocoEnv::Step(absl::Span<const double> given, absl::Span<double> obs) {
  PMOE_CHECK(was_reset_);
  PMOE_CHECK(given.size() == static_cast<size_t>(spec().action_dim));
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec().obs_dim));
  mjData* const data = setup_.data.get();
  const absl::Span<const double> action = RoundAction(given);
  const double before = Progress();
  Simulate(action, &generator_, data);
  if (options().contact_forces) CallMujoco(mj_rnePostConstraint, *setup_.model, data);
  ++elapsed_steps_;
  const Outcome outcome = Evaluate((Progress() - before) / step_s_, action);
  PrepareObservation(/*first=*/false, &generator_, data);
  Observe(obs);
  const int limit = spec().max_episode_steps;
  return {.reward = outcome.reward,
          .terminated = outcome.terminated,
          .truncated = limit > 0 && elapsed_steps_ >= limit,
          .diverged = HasDiverged(*data)};
}

// The state: generator, elapsed steps, simulator, and what the task remembers, if anything.
void MujocoEnv::SaveState(ByteWriter* out) const {
  ByteWriter state;
  generator_.SaveState(&state);
  state.Pod(elapsed_steps_);
  SaveMujocoState(*setup_.model, *setup_.data, &state);
  if (!setup_.memory->empty()) setup_.memory->Save(&state);
  WriteEnvState(Identity(spec()), state.Take(), out);
}

absl::Status MujocoEnv::LoadState(ByteReader* in) {
  PMOE_ASSIGN_OR_RETURN(const std::string bytes, ReadEnvState(Identity(spec()), in));
  ByteReader state(bytes);
  Pcg64 generator(0);
  PMOE_RETURN_IF_ERROR(generator.LoadState(&state));
  int64_t elapsed_steps = 0;
  state.Pod(&elapsed_steps);
  MujocoState simulator;
  PMOE_RETURN_IF_ERROR(ReadMujocoState(*setup_.model, &state, &simulator));
  std::vector<double> memory;
  if (!setup_.memory->empty()) PMOE_RETURN_IF_ERROR(setup_.memory->Read(&state, &memory));
  PMOE_RETURN_IF_ERROR(state.Finish("environment state"));
  if (elapsed_steps < 0 || elapsed_steps > kElapsedStepsMax) {
    return absl::DataLossError("environment state has an impossible step counter");
  }
  setup_.memory->Apply(memory);
  MemoryRestored(setup_.data.get());
  ApplyMujocoState(*setup_.model, simulator, setup_.data.get());
  generator_ = generator;
  elapsed_steps_ = elapsed_steps;
  was_reset_ = true;
  return absl::OkStatus();
}

}  // namespace pmoe
