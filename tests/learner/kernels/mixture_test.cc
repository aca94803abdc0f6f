// The heads of a squashed mixture: densities against their definition, and every hand-derived
// gradient against central differences, in double. n rows, K primitives, A action_dim.
#include "learner/kernels/mixture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/base/rng.h"
#include "common/policy/policy_spec.h"

namespace pmoe {
namespace {

constexpr int kPrimitives = 3, kActions = 2, kRows = 4;
constexpr double kStep = 1e-6, kTolerance = 1e-8;

// A net of nothing but heads, whose outputs the test writes itself.
class Heads {
 public:
  Heads()
      : plan_(MakePolicySpec(Options()).layers, {{1}, false}),
        columns_(plan_, MakePolicySpec(Options())),
        net_(plan_, kRows),
        rows_(columns_, kRows),
        draws_(kPrimitives, kActions, kRows) {
    Rng rng(3, RngRole::kInit, 0);
    for (int i = 0; i < kRows; ++i) {
      for (double* x : All(i)) *x = 0.5 * rng.Normal();
    }
    for (int i = 0; i < kRows * kPrimitives * kActions; ++i) eps_.push_back(rng.Normal());
    Draw();
  }

  static PolicyOptions Options() {
    PolicyOptions options;
    options.obs_dim = 1;
    options.action_low.assign(kActions, -1.0);
    options.action_high.assign(kActions, 1.0);
    options.head = HeadType::kMixture;
    options.primitives = kPrimitives;
    options.hidden.clear();
    return options;
  }

  // Every number that the heads say of a row.
  std::vector<double*> All(int row) {
    std::vector<double*> all;
    const auto add = [&](const NodeColumns& at, int n) {
      for (int j = 0; j < n; ++j) all.push_back(net_.At(at.node, row) + at.column + j);
    };
    add(columns_.mean, kPrimitives * kActions);
    add(columns_.log_std, kPrimitives * kActions);
    add(columns_.router, kPrimitives);
    return all;
  }
  void Draw() {
    rows_.Read(net_, 0, kRows);
    draws_.DrawAll(rows_, eps_.data(), kRows);
  }

  // Largest difference between `gradients`, written back, and central differences of `loss`.
  double Error(const HeadGradients<double>& gradients, absl::FunctionRef<double()> loss) {
    NetRows<double> written(plan_, kRows);
    gradients.Write(net_, 0, kRows, &written);
    double worst = 0.0;
    for (int i = 0; i < kRows; ++i) {
      std::vector<double*> values = All(i);
      std::swap(net_, written);
      const std::vector<double*> slopes = All(i);
      std::swap(net_, written);
      values = All(i);
      for (size_t j = 0; j < values.size(); ++j) {
        const double before = *values[j], slope = *slopes[j];
        *values[j] = before + kStep;
        Draw();
        const double above = loss();
        *values[j] = before - kStep;
        Draw();
        const double below = loss();
        *values[j] = before;
        Draw();
        worst = std::max(worst, std::fabs((above - below) / (2 * kStep) - slope));
      }
    }
    return worst;
  }

  NetPlan plan_;
  HeadColumns columns_;
  NetRows<double> net_;
  HeadRows<double> rows_;
  Draws<double> draws_;
  std::vector<double> eps_;
};

// log N(u; mean, std) of a primitive, and log |da/du|, as the textbook has them.
double GaussianLogDensity(const Heads& h, int row, int k, const double* u) {
  double sum = 0.0;
  for (int j = 0; j < kActions; ++j) {
    const size_t at = static_cast<size_t>((row * kPrimitives + k) * kActions + j);
    const double std = std::exp(h.rows_.log_std[at]), z = (u[j] - h.rows_.mean[at]) / std;
    sum += -0.5 * z * z - std::log(std) - 0.5 * std::log(2.0 * std::numbers::pi);
  }
  return sum;
}

double SquashLogDet(const double* u) {
  double sum = 0.0;
  for (int j = 0; j < kActions; ++j) sum += std::log(1.0 - std::tanh(u[j]) * std::tanh(u[j]));
  return sum;
}

const double* PreTanh(const Heads& h, int row, int k) {
  return h.draws_.u.data() + (row * kPrimitives + k) * kActions;
}

TEST(MixtureTest, DensitiesAreTheirDefinition) {
  Heads h;
  double share[kPrimitives];
  for (int i = 0; i < kRows; ++i) {
    for (int k = 0; k < kPrimitives; ++k) {
      const double* const u = PreTanh(h, i, k);
      EXPECT_NEAR(h.draws_.log_prob[static_cast<size_t>(i * kPrimitives + k)],
                  GaussianLogDensity(h, i, k, u) - SquashLogDet(u), 1e-10);
      double sum = 0.0;
      for (int other = 0; other < kPrimitives; ++other) {
        sum += h.rows_.w[static_cast<size_t>(i * kPrimitives + other)] *
               std::exp(GaussianLogDensity(h, i, other, u));
      }
      EXPECT_NEAR(MixtureLogProb(h.rows_, h.draws_, i, k, share), std::log(sum) - SquashLogDet(u),
                  1e-10);
      EXPECT_NEAR(share[0] + share[1] + share[2], 1.0, 1e-10);
    }
  }
}

// A loss that reads every action and density: its weights tell all of them apart.
double Weight(int row, int k, int j) { return std::sin(1.0 + row + 3.0 * k + 7.0 * j); }

TEST(MixtureTest, TheGradientOfADrawIsRight) {
  Heads h;
  HeadGradients<double> gradients(h.columns_, kRows);
  gradients.Clear(kRows);
  for (int i = 0; i < kRows; ++i) {
    for (int k = 0; k < kPrimitives; ++k) {
      const double da[kActions] = {Weight(i, k, 0), Weight(i, k, 1)};
      gradients.AddDraw(h.draws_, i, k, k, da, Weight(i, k, 2));
    }
  }
  const auto loss = [&] {
    double sum = 0.0;
    for (int i = 0; i < kRows; ++i) {
      for (int k = 0; k < kPrimitives; ++k) {
        for (int j = 0; j < kActions; ++j) sum += Weight(i, k, j) * h.draws_.action_at(i, k)[j];
        sum += Weight(i, k, 2) * h.draws_.log_prob[static_cast<size_t>(i * kPrimitives + k)];
      }
    }
    return sum;
  };
  EXPECT_LT(h.Error(gradients, loss), kTolerance);
}

TEST(MixtureTest, TheGradientOfAMixturesDensityReachesEveryPrimitiveAndTheRouter) {
  Heads h;
  HeadGradients<double> gradients(h.columns_, kRows);
  gradients.Clear(kRows);
  double share[kPrimitives];
  for (int i = 0; i < kRows; ++i) {
    for (int k = 0; k < kPrimitives; ++k) {
      MixtureLogProb(h.rows_, h.draws_, i, k, share);
      const double da[kActions] = {Weight(i, k, 0), Weight(i, k, 1)};
      gradients.AddMixtureDraw(h.rows_, h.draws_, i, k, k, da, Weight(i, k, 2), share);
    }
  }
  const auto loss = [&] {
    double sum = 0.0;
    for (int i = 0; i < kRows; ++i) {
      for (int k = 0; k < kPrimitives; ++k) {
        for (int j = 0; j < kActions; ++j) sum += Weight(i, k, j) * h.draws_.action_at(i, k)[j];
        sum += Weight(i, k, 2) * MixtureLogProb(h.rows_, h.draws_, i, k, share);
      }
    }
    return sum;
  };
  EXPECT_LT(h.Error(gradients, loss), kTolerance);
}

// Beyond the bounds the log-std stands still: no gradient, and none lost at the bounds themselves.
TEST(MixtureTest, AClampedLogStdPassesNoGradient) {
  Heads h;
  const NodeColumns& at = h.columns_.log_std;
  const double raw[] = {kLogStdMin - 1.0, kLogStdMin, 0.0, kLogStdMax, kLogStdMax + 1.0};
  HeadGradients<double> gradients(h.columns_, kRows);
  gradients.Clear(kRows);
  for (int j = 0; j < 5; ++j) {
    h.net_.At(at.node, 0)[at.column + j] = raw[j];
    gradients.log_std[static_cast<size_t>(j)] = 1.0;
  }
  NetRows<double> written(h.plan_, kRows);
  gradients.Write(h.net_, 0, 1, &written);
  for (int j = 0; j < 5; ++j) {
    EXPECT_EQ(written.At(at.node, 0)[at.column + j], j == 0 || j == 4 ? 0.0 : 1.0) << raw[j];
  }
}

}  // namespace
}  // namespace pmoe
