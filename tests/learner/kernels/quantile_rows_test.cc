// Quantile regression against its definition, sums written out here; its gradient against finite
// differences. Z quantiles, Y atoms.
#include "learner/kernels/quantile_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/learner/kernels/finite_differences.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> Kept(std::vector<double> atoms, int keep) {
  std::vector<double> scratch(atoms.size());
  KeepSmallest(static_cast<int>(atoms.size()), keep, scratch.data(), atoms.data());
  atoms.resize(static_cast<size_t>(keep));
  return atoms;
}

TEST(KeepSmallestTest, LeavesOutTheLargestAndKeepsTheOrder) {
  EXPECT_THAT(Kept({3, 9, -1, 7, 2}, 3), ElementsAre(3, -1, 2));
  EXPECT_THAT(Kept({3, 9, -1}, 3), ElementsAre(3, 9, -1));
  EXPECT_THAT(Kept({3, 9, -1}, 1), ElementsAre(-1));
}

TEST(KeepSmallestTest, KeepsTheFirstOfEquals) {
  EXPECT_THAT(Kept({5, 5, 1, 5, 5}, 3), ElementsAre(5, 5, 1));
}

// A critic that broke must not hide in what is left out.
TEST(KeepSmallestTest, KeepsWhatIsNoNumber) {
  const std::vector<double> kept = Kept({1, kNan, 2, 3, kNan}, 3);
  EXPECT_EQ(kept[0], 1);
  EXPECT_TRUE(std::isnan(kept[1]));
  EXPECT_TRUE(std::isnan(kept[2]));
}

struct Sizes {
  int quantiles, atoms;
};

class QuantileHuberTest : public ::testing::TestWithParam<Sizes> {
 protected:
  QuantileHuberTest()
      : quantiles_(Normals(Z(), 1, 2.0)), atoms_(Normals(Y(), 2, 2.0)), weight_(Normals(Y(), 3)) {
    double sum = 0;
    for (double& w : weight_) sum += w = std::abs(w);
    for (double& w : weight_) w /= sum;
  }
  size_t Z() const { return static_cast<size_t>(GetParam().quantiles); }
  size_t Y() const { return static_cast<size_t>(GetParam().atoms); }
  double Loss(const Doubles& quantiles, Doubles* gradient) const {
    return QuantileHuber(GetParam().quantiles, quantiles.data(),
                         {GetParam().atoms, atoms_.data(), weight_.data()}, gradient->data());
  }

  Doubles quantiles_, atoms_, weight_;
};

TEST_P(QuantileHuberTest, IsTheMeanOverQuantilesOfTheWeighedLosses) {
  double expected = 0;
  for (size_t z = 0; z < Z(); ++z) {
    const double tau = (static_cast<double>(z) + 0.5) / static_cast<double>(Z());
    for (size_t y = 0; y < Y(); ++y) {
      const double u = atoms_[y] - quantiles_[z], size = std::abs(u);
      const double huber = size <= 1.0 ? 0.5 * u * u : size - 0.5;
      expected += weight_[y] * std::abs(tau - (u < 0 ? 1.0 : 0.0)) * huber;
    }
  }
  Doubles gradient(Z());
  EXPECT_NEAR(Loss(quantiles_, &gradient), expected / static_cast<double>(Z()), 1e-12);
}

TEST_P(QuantileHuberTest, ItsGradientIsItsSlope) {
  Doubles gradient(Z()), unused(Z());
  Loss(quantiles_, &gradient);
  EXPECT_LT(GradientError(quantiles_, gradient, [&](const Doubles& x) { return Loss(x, &unused); }),
            kSlopeTolerance);
}

INSTANTIATE_TEST_SUITE_P(Sizes, QuantileHuberTest,
                         ::testing::Values(Sizes{1, 1}, Sizes{5, 8}, Sizes{16, 3}, Sizes{25, 46}),
                         [](const auto& info) {
                           return "z" + std::to_string(info.param.quantiles) + "_y" +
                                  std::to_string(info.param.atoms);
                         });

// The smallest of all quantiles' losses has each at its own share of the atoms.
TEST(QuantileHuberTest, GradientDescentFindsTheQuantiles) {
  constexpr int kQuantiles = 4, kAtoms = 400;
  Doubles quantiles(kQuantiles, 0.0), gradient(kQuantiles), atoms, weight(kAtoms, 1.0 / kAtoms);
  for (int i = 0; i < kAtoms; ++i) atoms.push_back(i);  // far apart: Huber's loss is |u|
  for (int step = 0; step < 20000; ++step) {
    QuantileHuber(kQuantiles, quantiles.data(), {kAtoms, atoms.data(), weight.data()},
                  gradient.data());
    for (int z = 0; z < kQuantiles; ++z) quantiles[z] -= 4.0 * gradient[z];
  }
  for (int z = 0; z < kQuantiles; ++z) {
    EXPECT_NEAR(quantiles[z], (z + 0.5) / kQuantiles * kAtoms, 3.0);
  }
}

TEST(QuantileHuberTest, ANumberThatIsNoneStaysInTheLoss) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {kNan, inf, -inf}) {
    const double weight[] = {0.5, 0.5};
    double gradient[3];
    const double good_quantiles[] = {1, 2, 3}, atoms[] = {4, bad};
    EXPECT_FALSE(std::isfinite(QuantileHuber(3, good_quantiles, {2, atoms, weight}, gradient)));
    const double quantiles[] = {1, bad, 3}, good_atoms[] = {4, 5};
    EXPECT_FALSE(std::isfinite(QuantileHuber(3, quantiles, {2, good_atoms, weight}, gradient)));
  }
}

}  // namespace
}  // namespace pmoe
