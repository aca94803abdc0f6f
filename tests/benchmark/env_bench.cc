// bench env: Env::Step over mj_step alone. The bare loop repeats the very trajectory of the
// environment, so that both simulate the same contacts; its resets and actions come from a record.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/registry.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/recorded_simulation.h"

namespace pmoe {
namespace {

// Steps that take about `seconds`.
size_t CalibrateSteps(double seconds, RecordedSimulation* env) {
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
    RecordedSimulation env(std::unique_ptr<MujocoEnv>(static_cast<MujocoEnv*>(made.release())));
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
