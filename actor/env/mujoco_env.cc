#include "actor/env/mujoco_env.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "actor/env/mujoco_state.h"
#include "actor/env/numpy_math.h"
#include "common/base/check.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"

#ifdef __FAST_MATH__
#error "this file must round as NumPy does: build it without -ffast-math and -Ofast"
#endif

namespace pmoe {
namespace {

constexpr uint32_t kStateMagic = 0x31534550;  // "PES1", the digit is the layout's version
constexpr int kFrameSkipMax = 1000;
constexpr int kEpisodeStepsMax = 1'000'000'000;
constexpr int64_t kElapsedStepsMax = int64_t{1}
                                     << 62;  // keeps the counter of a forged state from overflowing

absl::Status FillActionBounds(const mjModel& model, const std::string& path, EnvSpec* spec) {
  if (model.nu == 0) return absl::InvalidArgumentError(absl::StrCat(path, " has no actuators"));
  for (int i = 0; i < model.nu; ++i) {
    // float32, as Gymnasium's action space has it.
    const double low = static_cast<float>(model.actuator_ctrlrange[2 * i]);
    const double high = static_cast<float>(model.actuator_ctrlrange[2 * i + 1]);
    if (!(low < high)) {
      return absl::InvalidArgumentError(
          absl::StrCat("actuator ", i, " of ", path, " has no ctrlrange; give it one"));
    }
    spec->action_low.push_back(low);
    spec->action_high.push_back(high);
  }
  spec->action_dim = static_cast<int>(model.nu);
  return absl::OkStatus();
}

// One line that names a spec; two Envs may exchange states if theirs are equal.
std::string Identity(const EnvSpec& spec) {
  std::string identity = spec.id;
  for (const auto& [name, value] : spec.args) absl::StrAppend(&identity, " ", name, "=", value);
  return absl::StrCat(identity, " with MuJoCo ", mj_versionString());
}

}  // namespace

int EnvRequest::version() const {
  const size_t dash = id.rfind("-v");
  int version = 0;
  return dash != std::string::npos && absl::SimpleAtoi(id.substr(dash + 2), &version) ? version : 0;
}

void MujocoOptions::Read(EnvArgs* args) {
  ReadWithoutNoise(args);
  args->NonNegative("reset_noise_scale", &reset_noise_scale);
}

void MujocoOptions::ReadWithoutNoise(EnvArgs* args) {
  args->String("xml_file", &xml_file);
  args->Int("frame_skip", 1, kFrameSkipMax, &frame_skip);
  args->Int("max_episode_steps", -1, kEpisodeStepsMax, &max_episode_steps);
}

absl::StatusOr<MujocoSetup> MujocoSetup::Load(const EnvRequest& request,
                                              const MujocoOptions& options) {
  const std::string path = ModelPath(options.xml_file, request.assets_dir);
  MujocoSetup setup;
  setup.options = options;
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
  PMOE_RETURN_IF_ERROR(FillActionBounds(model, path, &setup.spec));
  setup.data = MakeData(model);
  return setup;
}

absl::StatusOr<int> MujocoSetup::Body(const std::string& name) const {
  const int body = mj_name2id(model.get(), mjOBJ_BODY, name.c_str());
  if (body >= 0) return body;
  return absl::InvalidArgumentError(absl::StrCat(options.xml_file, " has no body named \"", name,
                                                 "\", which ", spec.id, " needs"));
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

void MujocoEnv::Reset(std::optional<uint64_t> seed, absl::Span<double> obs) {
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec().obs_dim));
  if (seed.has_value()) generator_ = Pcg64(*seed);
  mjData* const data = setup_.data.get();
  mj_resetData(setup_.model.get(), data);
  std::copy(initial_qpos_.begin(), initial_qpos_.end(), data->qpos);
  std::copy(initial_qvel_.begin(), initial_qvel_.end(), data->qvel);
  AddResetNoise(&generator_, {data->qpos, qpos_size()}, {data->qvel, qvel_size()});
  mj_forward(setup_.model.get(), data);
  elapsed_steps_ = 0;
  was_reset_ = true;
  Observe(obs);
}

// No mj_forward at the end: like Gymnasium's, the body positions and velocities stay one simulator
// step behind qpos.
StepResult MujocoEnv::Step(absl::Span<const double> action, absl::Span<double> obs) {
  PMOE_CHECK(was_reset_);
  PMOE_CHECK(action.size() == static_cast<size_t>(spec().action_dim));
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec().obs_dim));
  mjData* const data = setup_.data.get();
  const double before = Progress();
  std::copy(action.begin(), action.end(), data->ctrl);
  for (int i = 0; i < options().frame_skip; ++i) mj_step(setup_.model.get(), data);
  if (options().contact_forces) mj_rnePostConstraint(setup_.model.get(), data);
  ++elapsed_steps_;
  const Outcome outcome = Evaluate((Progress() - before) / step_s_, action);
  Observe(obs);
  const int limit = spec().max_episode_steps;
  return {.reward = outcome.reward,
          .terminated = outcome.terminated,
          .truncated = limit > 0 && elapsed_steps_ >= limit};
}

// Layout: u32 magic, u32 CRC32C of the body, body with its length. The body: identity, generator,
// elapsed steps, simulator state.
void MujocoEnv::SaveState(ByteWriter* out) const {
  ByteWriter body;
  body.String(Identity(spec()));
  generator_.SaveState(&body);
  body.Pod(elapsed_steps_);
  SaveMujocoState(*setup_.model, *setup_.data, &body);
  out->Pod(kStateMagic);
  out->Pod(Crc32c(body.bytes()));
  out->String(body.bytes());
}

absl::Status MujocoEnv::LoadState(ByteReader* in) {
  uint32_t magic = 0;
  uint32_t crc = 0;
  std::string bytes;
  in->Pod(&magic);
  in->Pod(&crc);
  in->String(&bytes);
  if (!in->ok()) return absl::DataLossError("environment state is truncated");
  if (magic != kStateMagic) return absl::DataLossError("these bytes are no environment state");
  if (crc != Crc32c(bytes)) {
    return absl::DataLossError("environment state is damaged: its CRC32C differs");
  }
  ByteReader body(bytes);
  std::string identity;
  body.String(&identity);
  if (body.ok() && identity != Identity(spec())) {
    return absl::FailedPreconditionError(
        absl::StrCat("environment state was saved by ", identity, ", this is ", Identity(spec())));
  }
  Pcg64 generator(0);
  PMOE_RETURN_IF_ERROR(generator.LoadState(&body));
  int64_t elapsed_steps = 0;
  body.Pod(&elapsed_steps);
  MujocoState state;
  PMOE_RETURN_IF_ERROR(ReadMujocoState(*setup_.model, &body, &state));
  PMOE_RETURN_IF_ERROR(body.Finish("environment state"));
  if (elapsed_steps < 0 || elapsed_steps > kElapsedStepsMax) {
    return absl::DataLossError("environment state has an impossible step counter");
  }
  ApplyMujocoState(*setup_.model, state, setup_.data.get());
  generator_ = generator;
  elapsed_steps_ = elapsed_steps;
  was_reset_ = true;
  return absl::OkStatus();
}

}  // namespace pmoe
