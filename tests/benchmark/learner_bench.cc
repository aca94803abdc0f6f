// bench learner: whole updates of the learner, its own noise and statistics included, against the
// least work that the algorithm needs at the FMA peak of the core, measured before and after.
// B batch, K primitives, O obs_dim, A action_dim, H = 256 units.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "learner/sac/sac_options.h"
#include "learner/torch_info.h"
#include "run/learner.h"
#include "tests/benchmark/algorithm_bench.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/learner/test_options.h"

namespace pmoe {
namespace {

constexpr int kHidden = 256;
constexpr int kBatches = 16;  // different minibatches, in turn
constexpr int kWarmUpdates = 5;

struct Workload {
  std::string name;
  bool router;
  int primitives;
  int obs_dim;
  int action_dim;
  int batch_size;
};

std::vector<Workload> Workloads() {
  std::vector<Workload> all;
  for (const int batch : {100, 256}) {
    all.push_back({absl::StrCat("sac_b", batch), false, 1, 17, 6, batch});
    for (const int k : {1, 2, 4, 10}) {
      all.push_back({absl::StrCat("pmoe_k", k, "_b", batch), true, k, 17, 6, batch});
    }
    for (const int k : {1, 10}) {
      all.push_back({absl::StrCat("humanoid_pmoe_k", k, "_b", batch), true, k, 348, 17, batch});
    }
  }
  return all;
}

// Multiply-adds of one update: every product that some used number depends on, once. The first
// critic layer's part for the observation is shared by the K actions of a state, and only the best
// primitive is trained (Eq. 14).
double LeastFlop(const Workload& w) {
  const double o = w.obs_dim, a = w.action_dim, h = kHidden, k = w.primitives;
  const double trained_heads = 2.0 * k * a;
  const double policy = o * h + h * h + h * (trained_heads + (w.router ? k : 0.0));
  const double policy_input_gradient = h * h + h * trained_heads;
  const double critic = (o + a) * h + h * h + h;
  const double critic_input_gradient = h * h + h;
  const double ranking = o * h + k * (a * h + h * h + h);
  const double critic_to_action = h + h * h + h * a;
  const double per_row = 3.0 * policy + policy_input_gradient +
                         2.0 * (3.0 * critic + critic_input_gradient + ranking + critic_to_action);
  return 2.0 * per_row * w.batch_size;
}

class LearnerUnderTest {
 public:
  static absl::StatusOr<std::unique_ptr<LearnerUnderTest>> Create(const Workload& w, int threads,
                                                                  UpdateStep step) {
    PolicyOptions policy;
    policy.obs_dim = w.obs_dim;
    policy.action_low.assign(static_cast<size_t>(w.action_dim), -1.0);
    policy.action_high.assign(static_cast<size_t>(w.action_dim), 1.0);
    policy.primitives = w.primitives;
    if (w.router) policy.head = HeadType::kMixture;
    SacOptions options = TestSacOptions();
    options.batch_size = w.batch_size;
    options.threads = threads;
    options.step = step;
    if (w.batch_size == 256) {  // the official preset
      options.actor_lr = options.critic_lr = 3e-4;
      options.tune_alpha = true;
      options.target_entropy = -w.action_dim;
    }
    auto made = std::make_unique<LearnerUnderTest>();
    PMOE_ASSIGN_OR_RETURN(made->learner_, MakeSacLearner(options, MakePolicySpec(policy)));
    made->FillBatches(w);
    for (int i = 0; i < kWarmUpdates; ++i) PMOE_RETURN_IF_ERROR(made->Update());
    return made;
  }

  absl::Status Update() { return learner_->Update(&batches_[next_++ % batches_.size()]); }

 private:
  void FillBatches(const Workload& w) {
    Rng rng(1, RngRole::kReplay, 0);
    for (int i = 0; i < kBatches; ++i) {
      Minibatch& batch = batches_.emplace_back(TableSpec{w.obs_dim, w.action_dim, 0}, w.batch_size);
      const size_t rows = static_cast<size_t>(w.batch_size);
      rng.FillNormal(batch.obs(), rows * w.obs_dim);
      rng.FillNormal(batch.next_obs(), rows * w.obs_dim);
      rng.FillNormal(batch.reward(), rows);
      for (size_t j = 0; j < rows * w.action_dim; ++j) {
        batch.action()[j] = 2.0f * rng.UniformFloat() - 1.0f;
      }
      for (size_t j = 0; j < rows; ++j) batch.discount()[j] = 0.99f;
    }
  }

  std::unique_ptr<Learner> learner_;
  std::vector<Minibatch> batches_;
  size_t next_ = 0;
};

struct Samples {
  std::vector<double> per_cpu_s, per_wall_s, peak_gflops, peak_share;
};

absl::Status Measure(double seconds, double gflop, LearnerUnderTest* learner, Samples* samples) {
  const double peak_before = FmaPeakGflops();
  Stopwatch wall;
  const double start_s = ProcessCpuSeconds();
  double cpu_s = 0.0;
  int updates = 0;
  while (cpu_s < seconds) {
    PMOE_RETURN_IF_ERROR(learner->Update());
    ++updates;
    cpu_s = ProcessCpuSeconds() - start_s;
  }
  const double wall_s = wall.Elapsed();
  const double peak = (peak_before + FmaPeakGflops()) / 2.0;
  samples->per_cpu_s.push_back(updates / cpu_s);
  samples->per_wall_s.push_back(updates / wall_s);
  samples->peak_gflops.push_back(peak);
  samples->peak_share.push_back(gflop * updates / cpu_s / peak);
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchLearner(const BenchFlags& flags, Report* report) {
  PrepareMathLibraries();
  struct Row {
    Workload workload;
    std::unique_ptr<LearnerUnderTest> fast, autograd;
    Samples fast_samples, autograd_samples;
  };
  std::vector<Row> rows;
  for (const Workload& w : Workloads()) {
    if (!absl::StrContains(w.name, flags.only)) continue;
    Row& row = rows.emplace_back();
    row.workload = w;
    PMOE_ASSIGN_OR_RETURN(row.fast, LearnerUnderTest::Create(w, flags.threads, UpdateStep::kFast));
    PMOE_ASSIGN_OR_RETURN(row.autograd,
                          LearnerUnderTest::Create(w, flags.threads, UpdateStep::kAutograd));
  }
  for (int round = 0; round < flags.rounds; ++round) {
    for (Row& row : rows) {
      const double gflop = LeastFlop(row.workload) / 1e9, seconds = flags.seconds / flags.rounds;
      PMOE_RETURN_IF_ERROR(Measure(seconds, gflop, row.fast.get(), &row.fast_samples));
      PMOE_RETURN_IF_ERROR(Measure(seconds, gflop, row.autograd.get(), &row.autograd_samples));
    }
  }
  report->Table("update", {"updates_per_cpu_s", "updates_per_wall_s", "mflop", "peak_gflops",
                           "share_of_peak", "wall_over_autograd"});
  for (const Row& row : rows) {
    const Samples& s = row.fast_samples;
    report->Row(row.workload.name,
                {Median(s.per_cpu_s), Median(s.per_wall_s), LeastFlop(row.workload) / 1e6,
                 Median(s.peak_gflops), Median(s.peak_share),
                 MedianRatio(s.per_wall_s, row.autograd_samples.per_wall_s)});
  }
  return BenchAlgorithms(flags, report);
}

}  // namespace pmoe
