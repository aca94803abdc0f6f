// bench env: Env::Step over mj_step alone. The bare loop repeats the very trajectory of the
// environment, so that both simulate the same contacts; its resets and actions come from a record.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/registry.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"

namespace pmoe {
namespace {

struct RecordedReset {
  size_t step;
  std::vector<double> qpos, qvel;
};

class EnvUnderTest {
 public:
  explicit EnvUnderTest(std::unique_ptr<MujocoEnv> env)
      : mujoco_(env.get()),
        env_(std::move(env)),
        bare_(MakeData(mujoco_->model())),
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
    for (size_t i = 0; i < steps; ++i) {
      if (env_->Step({&actions[i * width], width}, absl::MakeSpan(obs_)).done()) Reset(i + 1);
    }
  }

  // A reset before step 0, whose time does not count, then what StepEnv will do.
  void StartRecord() {
    resets_.clear();
    Reset(0);
  }

  void StepBare(size_t steps, const std::vector<double>& actions) {
    const mjModel* const model = &mujoco_->model();
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
  MjDataPtr bare_;
  std::vector<double> obs_;
  Rng rng_{1, RngRole::kActor, 0};
  long frame_skip_ = 1;
  std::vector<RecordedReset> resets_;
};

// Steps that take about `seconds`.
size_t CalibrateSteps(double seconds, EnvUnderTest* env) {
  constexpr size_t kTrial = 200;
  const std::vector<double> actions = env->NewActions(kTrial);
  const double start_s = ThreadCpuSeconds();
  env->StepEnv(kTrial, actions);
  return 1 + static_cast<size_t>(kTrial * seconds / (ThreadCpuSeconds() - start_s));
}

}  // namespace

absl::Status BenchEnv(const BenchFlags& flags, Report* report) {
  report->Table("env", {"steps_per_cpu_s", "bare_steps_per_cpu_s", "ratio"});
  for (const EnvInfo& info : ListEnvs()) {
    if (!absl::StrContains(info.id, flags.only)) continue;
    PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Env> made, MakeEnv(info.id, {}, ""));
    if (dynamic_cast<MujocoEnv*>(made.get()) == nullptr) continue;
    EnvUnderTest env(std::unique_ptr<MujocoEnv>(static_cast<MujocoEnv*>(made.release())));
    const size_t steps = CalibrateSteps(flags.seconds / flags.rounds / 2.0, &env);
    std::vector<double> ours, bare, ratios;
    for (int round = 0; round < flags.rounds; ++round) {
      const std::vector<double> actions = env.NewActions(steps);
      env.StartRecord();
      const double start_s = ThreadCpuSeconds();
      env.StepEnv(steps, actions);
      const double middle_s = ThreadCpuSeconds();
      env.StepBare(steps, actions);
      const double end_s = ThreadCpuSeconds();
      ours.push_back(static_cast<double>(steps) / (middle_s - start_s));
      bare.push_back(static_cast<double>(steps) / (end_s - middle_s));
      ratios.push_back(ours.back() / bare.back());
    }
    report->Row(info.id, {Median(ours), Median(bare), Median(ratios)});
  }
  return absl::OkStatus();
}

}  // namespace pmoe
