// Common base of the MuJoCo tasks: Gymnasium's order of operations in reset and step, the time
// limit, and exact state. A task adds its observation, reward, termination and reset noise. Shares
// the model, owns its data and its generator. Thread-compatible, like every Env.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/env.h"
#include "actor/env/env_args.h"
#include "actor/env/mjcf/episode_memory.h"
#include "actor/env/mujoco_model.h"
#include "actor/env/pcg64.h"

namespace pmoe {

// The parameters that all MuJoCo tasks share; a task fills in its own defaults.
struct MujocoOptions {
  static constexpr int kFrameSkipMax = 1000;

  std::string xml_file;
  int frame_skip = 1;  // simulator steps per Step
  double reset_noise_scale = 0.0;
  bool normal_velocity_noise = false;  // of qvel at reset: N(0, 1) times the scale, else uniform
  int max_episode_steps = 1000;        // <= 0: no limit
  int nq_min = 1;                      // smallest model whose fields the task can index
  int nv_min = 1;
  bool contact_forces =
      false;  // fills cfrc_ext after each step: costs time, so only where it is read
  bool float32_actions = false;  // rounds them first, as for arrays of Gymnasium's action space
  bool bounded_by_model = true;  // actions by the actuators' ctrlrange; else the task bounds them

  // Reads xml_file, frame_skip, reset_noise_scale, max_episode_steps and, unless the task bounds
  // the actions, action_dtype.
  void Read(EnvArgs* args);
  // For tasks whose reset noise is not a parameter.
  void ReadWithoutNoise(EnvArgs* args);
};

// A loaded task, before the task's own part.
struct MujocoSetup {
  static absl::StatusOr<MujocoSetup> Load(const EnvRequest& request, const MujocoOptions& options);

  // The index of the body of that name; InvalidArgumentError if the model has none.
  absl::StatusOr<int> Body(const std::string& name) const;
  // The index that parameter `arg` gives by number or by name, as Gymnasium takes it.
  absl::StatusOr<int> BodyArg(const std::string& arg, const std::string& value) const;

  // How many numbers WriteState writes.
  int StateDim(int skipped) const { return static_cast<int>(model->nq + model->nv) - skipped; }

  EnvSpec spec;      // obs_dim is the task's to fill
  std::string path;  // of the model
  MujocoOptions options;
  std::shared_ptr<const mjModel> model;
  MjDataPtr data;
  // What the task keeps beside mjData; saved with it unless empty.
  std::unique_ptr<EpisodeMemory> memory = std::make_unique<EpisodeMemory>();
};

class MujocoEnv : public Env {
 public:
  struct Outcome {
    double reward = 0.0;
    bool terminated = false;
  };

  const EnvSpec& spec() const final { return setup_.spec; }
  // Before the first seed the generator is PCG64(SeedSequence(0)).
  void Reset(std::optional<uint64_t> seed, absl::Span<double> obs) final;
  StepResult Step(absl::Span<const double> action, absl::Span<double> obs) final;
  void SaveState(ByteWriter* out) const final;
  // DataLossError: damaged or of another model. FailedPreconditionError: of another task, other
  // arguments or another MuJoCo version, under which the bits would differ.
  absl::Status LoadState(ByteReader* in) final;

  double step_s() const final { return step_s_; }

  // For renderers.
  const mjModel& model() const { return *setup_.model; }
  const mjData& data() const { return *setup_.data; }
  const std::string& model_path() const { return setup_.path; }

 protected:
  MujocoEnv(MujocoSetup setup, int obs_dim);

  // Sets the pose of data that was just reset; mj_forward follows. By default the model's initial
  // pose with reset noise.
  virtual void StartEpisode(Pcg64* generator, mjData* data);
  // A step's simulation. By default the action is the control.
  virtual void Simulate(absl::Span<const double> action, Pcg64* generator, mjData* data);
  // Before Observe, of an episode's `first` observation too, and after Evaluate.
  virtual void PrepareObservation(bool /*first*/, Pcg64* /*generator*/, mjData* /*data*/) {}
  // The memory of a saved state is in place; its simulator state follows. `data` is scratch.
  virtual void MemoryRestored(mjData* /*data*/) {}
  // The coordinate whose rate the task rewards, in metres.
  virtual double Progress() const { return 0.0; }
  // Adds the reset noise to the initial pose. By default reset_noise_scale's, positions first.
  virtual void AddResetNoise(Pcg64* generator, absl::Span<double> qpos,
                             absl::Span<double> qvel) const;
  virtual void Observe(absl::Span<double> obs) const = 0;
  // velocity: change of Progress over the step, in metres per second. action: as it was applied.
  virtual Outcome Evaluate(double velocity, absl::Span<const double> action) const = 0;

  // weight * np.sum(np.square(action)), in float32 where actions are.
  double ControlCost(double weight, absl::Span<const double> action) const;

  // Writes qpos from number `skipped` on to the front of `obs`; returns where it ended.
  double* WritePositions(int skipped, absl::Span<double> obs) const;
  // qvel behind them.
  double* WriteState(int skipped, absl::Span<double> obs) const;

  // Position of body `a` less that of body `b`, in metres. Like all of MuJoCo's body positions one
  // simulator step behind qpos.
  std::array<double, 3> Offset(int a, int b) const;

  const MujocoOptions& options() const { return setup_.options; }
  absl::Span<const double> qpos() const { return {setup_.data->qpos, qpos_size()}; }
  absl::Span<const double> qvel() const { return {setup_.data->qvel, qvel_size()}; }

 private:
  absl::Span<const double> RoundAction(absl::Span<const double> action);

  size_t qpos_size() const { return static_cast<size_t>(setup_.model->nq); }
  size_t qvel_size() const { return static_cast<size_t>(setup_.model->nv); }

  MujocoSetup setup_;
  std::vector<double> initial_qpos_;  // [nq]
  std::vector<double> initial_qvel_;  // [nv]
  std::vector<double> rounded_;       // [A], of float32_actions
  double step_s_;
  Pcg64 generator_{0};
  int64_t elapsed_steps_ = 0;
  bool was_reset_ = false;
};

}  // namespace pmoe
