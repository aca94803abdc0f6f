// bench policy: PolicyNetwork::Act on a batch of E environments, over the matrix products alone (a
// GEMV at E = 1) on the same weights, and over the time of their FLOP at the core's FMA peak.
#include <memory>
#include <vector>

#include "Eigen/Core"
#include "absl/strings/str_cat.h"
#include "actor/policy_network.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "common/policy/parameter_layout.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/policy_workload.h"

namespace pmoe {
namespace {

using Matrix = PolicyNetwork::Matrix;

constexpr PolicyWorkload kWorkloads[] = {{"HalfCheetah_k2", 17, 6, 2},
                                         {"Hopper_k4", 11, 3, 4},
                                         {"Humanoid_k4", 348, 17, 4},
                                         {"Humanoid_k10", 348, 17, 10}};

// x W of every layer; all layers of one input width read the same x.
class BareProducts {
 public:
  BareProducts(std::shared_ptr<const PolicySnapshot> snapshot, int batch)
      : snapshot_(std::move(snapshot)), layout_(snapshot_->spec.layers, 1, 1) {
    for (size_t i = 0; i < snapshot_->spec.layers.size(); ++i) {
      const Parameter& weight = layout_.parameters()[2 * i];
      inputs_.push_back(Matrix::Constant(batch, weight.rows, 0.1f));
      outputs_.emplace_back(batch, weight.cols);
      flop_ += 2.0 * batch * weight.rows * weight.cols;
    }
  }

  void Run() {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Parameter& weight = layout_.parameters()[2 * i];
      const Eigen::Map<const Matrix> w(snapshot_->weights.data() + weight.offset, weight.rows,
                                       weight.cols);
      if (inputs_[i].rows() == 1) {
        outputs_[i].row(0).noalias() = inputs_[i].row(0) * w;
      } else {
        outputs_[i].noalias() = inputs_[i] * w;
      }
    }
  }

  double flop() const { return flop_; }

 private:
  std::shared_ptr<const PolicySnapshot> snapshot_;
  ParameterLayout layout_;
  std::vector<Matrix> inputs_, outputs_;
  double flop_ = 0.0;
};

absl::Status BenchOne(const BenchFlags& flags, const PolicyWorkload& w, int batch, Report* report) {
  const std::shared_ptr<const PolicySnapshot> snapshot = MakeBenchSnapshot(w);
  PolicyNetwork network(snapshot->spec, batch);
  PMOE_RETURN_IF_ERROR(network.Load(snapshot));
  BareProducts bare(snapshot, batch);
  std::vector<Rng> rngs;
  for (int e = 0; e < batch; ++e) rngs.emplace_back(1, RngRole::kActor, 0, 0, e);
  const size_t rows = static_cast<size_t>(batch);
  std::vector<float> obs(rows * w.obs_dim), action(rows * w.action_dim);
  std::vector<int> primitive(rows);
  rngs[0].FillNormal(obs.data(), obs.size());
  const auto act = [&] {
    network.Act(obs, {.sample = true}, absl::MakeSpan(rngs), absl::MakeSpan(action),
                absl::MakeSpan(primitive));
  };
  std::vector<double> act_us, bare_us, peak_us, ratios;
  const double slice_s = flags.seconds / flags.rounds / 2.0;
  for (int round = 0; round < flags.rounds; ++round) {
    act_us.push_back(1e6 / CallsPerCpuSecond(slice_s, act));
    bare_us.push_back(1e6 / CallsPerCpuSecond(slice_s, [&] { bare.Run(); }));
    peak_us.push_back(bare.flop() / FmaPeakGflops() / 1e3);
    ratios.push_back(bare_us.back() / act_us.back());
  }
  report->Row(absl::StrCat(w.name, "_e", batch),
              {Median(act_us), Median(bare_us), Median(peak_us), Median(ratios),
               Median(peak_us) / Median(act_us)});
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchPolicy(const BenchFlags& flags, Report* report) {
  report->Table("policy, E environments",
                {"act_us", "products_us", "fma_peak_us", "ratio_products", "ratio_peak"});
  for (const PolicyWorkload& w : kWorkloads) {
    if (!flags.Chooses(w.name)) continue;
    for (const int batch : {1, 8, 16, 64}) {
      PMOE_RETURN_IF_ERROR(BenchOne(flags, w, batch, report));
    }
  }
  return absl::OkStatus();
}

}  // namespace pmoe
