// A MuJoCo task, and mj_step alone, with the model as its file has it, on the very trajectory of
// that task: both simulate the same contacts. Resets and actions of the bare loop come from a
// record.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "actor/env/mujoco_env.h"
#include "common/base/rng.h"

namespace pmoe {

struct RecordedReset {
  size_t step;
  std::vector<double> qpos, qvel;
};

class RecordedSimulation {
 public:
  explicit RecordedSimulation(std::unique_ptr<MujocoEnv> env)
      : mujoco_(env.get()),
        env_(std::move(env)),
        model_(mj_copyModel(nullptr, &mujoco_->model())),
        bare_(MakeData(*model_)),
        obs_(static_cast<size_t>(env_->spec().obs_dim)) {
    Reset(0);
    StepEnv(1, NewActions(1));
    frame_skip_ = std::lround(mujoco_->data().time / mujoco_->model().opt.timestep);
  }

  // Uniform within the bounds, [steps, A].
  std::vector<double> NewActions(size_t steps) {
    const EnvSpec& spec = env_->spec();
    std::vector<double> actions;
    for (size_t i = 0; i < steps; ++i) {
      for (size_t j = 0; j < spec.action_low.size(); ++j) {
        const double width = spec.action_high[j] - spec.action_low[j];
        actions.push_back(spec.action_low[j] + width * rng_.Uniform());
      }
    }
    return actions;
  }

  void StepEnv(size_t steps, const std::vector<double>& actions) {
    const size_t width = env_->spec().action_low.size();
    for (size_t i = 0; i < steps; ++i) StepOnce(i, {&actions[i * width], width});
  }

  void StepOnce(size_t step, absl::Span<const double> action) {
    if (env_->Step(action, absl::MakeSpan(obs_)).done()) Reset(step + 1);
  }
  const std::vector<double>& obs() const { return obs_; }

  // A reset before step 0, whose time does not count, then what StepEnv will do.
  void StartRecord() {
    resets_.clear();
    Reset(0);
  }

  void StepBare(size_t steps, const std::vector<double>& actions) {
    const mjModel* const model = model_.get();
    const size_t width = env_->spec().action_low.size();
    auto reset = resets_.begin();
    for (size_t i = 0; i < steps; ++i) {
      if (reset != resets_.end() && reset->step == i) {
        mj_resetData(model, bare_.get());
        std::copy(reset->qpos.begin(), reset->qpos.end(), bare_->qpos);
        std::copy(reset->qvel.begin(), reset->qvel.end(), bare_->qvel);
        mj_forward(model, bare_.get());
        ++reset;
      }
      std::copy_n(&actions[i * width], width, bare_->ctrl);
      for (long j = 0; j < frame_skip_; ++j) mj_step(model, bare_.get());
    }
  }

 private:
  void Reset(size_t step) {
    env_->Reset(std::nullopt, absl::MakeSpan(obs_));
    const mjModel& model = mujoco_->model();
    const mjData& data = mujoco_->data();
    resets_.push_back({step, {data.qpos, data.qpos + model.nq}, {data.qvel, data.qvel + model.nv}});
  }

  const MujocoEnv* mujoco_;  // env_'s
  std::unique_ptr<Env> env_;
  MjModelPtr model_;
  MjDataPtr bare_;
  std::vector<double> obs_;
  Rng rng_{1, RngRole::kActor, 0};
  long frame_skip_ = 1;
  std::vector<RecordedReset> resets_;
};

}  // namespace pmoe
