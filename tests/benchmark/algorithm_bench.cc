#include "tests/benchmark/algorithm_bench.h"

#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "common/config/algorithms.h"
#include "common/config/run_config.h"
#include "learner/learner_config.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/other_load.h"
#include "tests/benchmark/sac_workload.h"

namespace pmoe {
namespace {

constexpr int kObs = 17;
constexpr int kActions = 6;

// One algorithm's learner and what it learns from, again and again.
struct Candidate {
  std::string name;
  bool on_policy = false;
  std::unique_ptr<Learner> learner;
  std::unique_ptr<Minibatch> batch;
  Rollout rollout;
  std::vector<double> per_cpu_s;

  absl::Status Update() {
    return on_policy ? learner->Update(&rollout) : learner->Update(batch.get());
  }
};

std::vector<float> Normals(int64_t n, Rng* rng) {
  std::vector<float> values(static_cast<size_t>(n));
  rng->FillNormal(values.data(), values.size());
  return values;
}

// One environment's steps, cut at the end; extra columns are 0, a component that exists.
Rollout MakeRollout(int64_t rows, int extra, Rng* rng) {
  Rollout rollout;
  rollout.spec = {kObs, kActions, extra};
  rollout.obs = Normals(rows * kObs, rng);
  rollout.action = Normals(rows * kActions, rng);
  rollout.reward = Normals(rows, rng);
  rollout.policy_version.assign(static_cast<size_t>(rows), 1);
  rollout.extra.assign(static_cast<size_t>(rows * extra), 0.0f);
  rollout.segments.push_back({.start = 0, .length = rows, .end = SegmentEnd::kCut});
  rollout.bootstrap_obs = Normals(kObs, rng);
  return rollout;
}

std::unique_ptr<Minibatch> MakeBatch(int rows, Rng* rng) {
  auto batch = std::make_unique<Minibatch>(TableSpec{kObs, kActions, 0}, rows);
  const size_t n = static_cast<size_t>(rows);
  rng->FillNormal(batch->obs(), n * kObs);
  rng->FillNormal(batch->next_obs(), n * kObs);
  rng->FillNormal(batch->reward(), n);
  for (size_t j = 0; j < n * kActions; ++j) batch->action()[j] = 2.0f * rng->UniformFloat() - 1.0f;
  for (size_t j = 0; j < n; ++j) batch->discount()[j] = 0.99f;
  return batch;
}

// preset: the default one if empty.
absl::StatusOr<Candidate> MakeCandidate(const BenchFlags& flags, const std::string& algorithm,
                                        int primitives, const std::string& preset = "") {
  ConfigSources sources;
  if (!preset.empty()) sources.preset = preset;
  sources.sets = {"algorithm=" + algorithm, absl::StrCat("policy.primitives=", primitives),
                  absl::StrCat("learner.threads=", flags.threads), "learner.device=" + flags.device,
                  "schedule.total_steps=1e9"};
  PMOE_ASSIGN_OR_RETURN(RunConfig config, ResolveConfig(sources));
  config.mutable_learner()->set_actor_lr(kStillLearningRate);
  config.mutable_learner()->set_critic_lr(kStillLearningRate);
  const std::vector<double> high(kActions, 1.0), low(kActions, -1.0);
  const PolicySpec policy = PolicySpecFromConfig(config, kObs, low, high);
  Candidate made;
  const Algorithm& row = AlgorithmNamed(algorithm);
  made.name = row.has_router() ? absl::StrCat(algorithm, "_k", primitives) : algorithm;
  if (!preset.empty()) absl::StrAppend(&made.name, "_", preset);
  made.on_policy = row.on_policy();
  PMOE_ASSIGN_OR_RETURN(made.learner, MakeLearner(config, policy));
  Rng rng(1, RngRole::kReplay, 0);
  if (made.on_policy) {
    made.rollout = MakeRollout(config.schedule().steps_per_round(),
                               static_cast<int>(policy.columns.size()), &rng);
  } else {
    made.batch = MakeBatch(config.learner().batch_size(), &rng);
  }
  PMOE_RETURN_IF_ERROR(made.Update());
  return made;
}

absl::Status Measure(double seconds, Candidate* candidate) {
  const double start_s = ProcessCpuSeconds();
  const uint64_t before = candidate->learner->updates();
  double cpu_s = 0.0;
  while (cpu_s < seconds) {
    PMOE_RETURN_IF_ERROR(candidate->Update());
    cpu_s = ProcessCpuSeconds() - start_s;
  }
  candidate->per_cpu_s.push_back(static_cast<double>(candidate->learner->updates() - before) /
                                 cpu_s);
  return absl::OkStatus();
}

// A table of its own for each kind of update: their phases differ.
void ReportPhases(const std::vector<Candidate>& candidates, bool on_policy, Report* report) {
  bool begun = false;
  for (const Candidate& candidate : candidates) {
    const PhaseClock* phases = candidate.learner->phases();
    if (candidate.on_policy != on_policy || phases == nullptr) continue;
    if (!begun) report->Table("share of the update's time", phases->names());
    begun = true;
    std::vector<double> shares = phases->seconds();
    const double all = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& share : shares) share /= all;
    report->Row(absl::StrCat(candidate.name, " share"), shares);
  }
}

}  // namespace

absl::Status BenchAlgorithms(const BenchFlags& flags, Report* report) {
  std::vector<Candidate> candidates;
  for (const char* algorithm : {"sac", "pmoe_sac", "gating_sac", "mcp_sac", "pmoe_gumbel_sac",
                                "pmoe_reinforce_sac", "mrp_sac", "ppo", "pmoe_ppo", "gating_ppo",
                                "mcp_ppo", "pmoe_gumbel_ppo", "pmoe_reinforce_ppo", "dac"}) {
    for (const int primitives : {1, 4, 8, 10}) {
      if (!AlgorithmNamed(algorithm).has_router() && primitives > 1) continue;
      const std::string name = absl::StrCat(algorithm, "_k", primitives);
      if (!flags.Chooses(name)) continue;
      PMOE_ASSIGN_OR_RETURN(Candidate made, MakeCandidate(flags, algorithm, primitives));
      candidates.push_back(std::move(made));
    }
  }
  // Two networks of 64-64 with tanh, as other projects have them.
  for (const char* algorithm : {"ppo", "pmoe_ppo"}) {
    if (!flags.Chooses(absl::StrCat(algorithm, "_k8_cleanrl"))) continue;
    const int primitives = AlgorithmNamed(algorithm).has_router() ? 8 : 1;
    PMOE_ASSIGN_OR_RETURN(Candidate made, MakeCandidate(flags, algorithm, primitives, "cleanrl"));
    candidates.push_back(std::move(made));
  }
  if (candidates.empty()) return absl::OkStatus();
  OtherLoad load;
  for (int round = 0; round < flags.rounds; ++round) {
    load.BeginRound();
    for (Candidate& candidate : candidates) {
      PMOE_RETURN_IF_ERROR(Measure(flags.seconds / flags.rounds, &candidate));
    }
    load.EndRound();
  }
  report->Table("algorithm, its default networks and batch" + load.Mark(), {"updates_per_cpu_s"});
  for (const Candidate& candidate : candidates) {
    report->Row(candidate.name, {Median(candidate.per_cpu_s)});
  }
  ReportPhases(candidates, /*on_policy=*/false, report);
  ReportPhases(candidates, /*on_policy=*/true, report);
  load.Tell("algorithms", report);
  return absl::OkStatus();
}

}  // namespace pmoe
