// bench env: Env::Step over mj_step alone. The bare loop repeats the very trajectory of the
// environment, so that both simulate the same contacts; its resets and actions come from a record.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/env_list.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/registry.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
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

// Steps per second of the wall clock, each thread with an environment of its own.
double StepsPerSecond(const std::string& id, int threads, size_t steps) {
  std::vector<std::unique_ptr<RecordedSimulation>> envs;
  for (int i = 0; i < threads; ++i) {
    envs.push_back(std::make_unique<RecordedSimulation>(
        std::unique_ptr<MujocoEnv>(static_cast<MujocoEnv*>(MakeEnv(id, {}, "")->release()))));
  }
  const std::vector<double> actions = envs.front()->NewActions(steps);
  const Stopwatch clock;
  {
    std::vector<std::jthread> workers;
    for (auto& env : envs) workers.emplace_back([&] { env->StepEnv(steps, actions); });
  }
  return static_cast<double>(threads * steps) / clock.Elapsed();
}

// One thread against one per core.
void BenchThreads(const BenchFlags& flags, Report* report) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  report->Table(absl::StrCat("threads, 1 and ", cores), {"one_per_s", "all_per_s", "ratio"});
  for (const std::string id : {"HalfCheetah-v5", "Humanoid-v5"}) {
    if (!flags.Chooses(id)) continue;
    const double slice_s = flags.seconds / flags.rounds;
    const size_t steps = 1 + static_cast<size_t>(slice_s * StepsPerSecond(id, 1, 500));
    std::vector<double> one, all;
    for (int round = 0; round < flags.rounds; ++round) {
      one.push_back(StepsPerSecond(id, 1, steps));
      all.push_back(StepsPerSecond(id, cores, steps));
    }
    report->Row(absl::StrCat(id, "_threads"), {Median(one), Median(all), MedianRatio(all, one)});
  }
}

}  // namespace

absl::Status BenchEnv(const BenchFlags& flags, Report* report) {
  report->Table("env", {"steps_per_cpu_s", "bare_steps_per_cpu_s", "ratio"});
  for (const EnvInfo& info : ListEnvs()) {
    if (!flags.Chooses(info.id)) continue;
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
  BenchThreads(flags, report);
  return absl::OkStatus();
}

}  // namespace pmoe
