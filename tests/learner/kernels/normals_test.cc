// Normals by vectors against those of the stream itself, which libm makes in double.
#include "learner/kernels/normals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace pmoe {
namespace {

TEST(NormalsTest, AreTheStreamsOwnButForRounding) {
  constexpr size_t kNumbers = 2'000'000;
  Rng exact(11, RngRole::kLearner, 0), fast(11, RngRole::kLearner, 0);
  std::vector<float> wanted(kNumbers), got(kNumbers);
  exact.FillNormal(wanted.data(), kNumbers);
  FillNormals(&fast, kNumbers, got.data());
  double worst = 0.0, relative = 0.0;
  for (size_t i = 0; i < kNumbers; ++i) {
    const double error = std::fabs(double{got[i]} - double{wanted[i]});
    worst = std::max(worst, error);
    relative = std::max(relative, error / (1e-3 + std::fabs(double{wanted[i]})));
  }
  EXPECT_LT(worst, 1e-6);
  EXPECT_LT(relative, 1e-4);
  EXPECT_EQ(exact.NextU32(), fast.NextU32());  // and the streams stand at the same place
}

// In pieces of any even size: what a checkpoint splits stays the same.
TEST(NormalsTest, PiecesAreTheWhole) {
  Rng whole(1, RngRole::kLearner, 0), pieces(1, RngRole::kLearner, 0);
  std::vector<float> wanted(1000), got(1000);
  FillNormals(&whole, wanted.size(), wanted.data());
  size_t at = 0;
  for (const size_t n : {2u, 300u, 6u, 256u, 436u}) {
    FillNormals(&pieces, n, got.data() + at);
    at += n;
  }
  EXPECT_EQ(got, wanted);
}

TEST(NormalsTest, AnOddNumberIsFilledAndNothingBeyond) {
  Rng rng(1, RngRole::kLearner, 0);
  std::vector<float> got(6, 7.0f);
  FillNormals(&rng, 5, got.data());
  EXPECT_NE(got[4], 7.0f);
  EXPECT_EQ(got[5], 7.0f);
}

}  // namespace
}  // namespace pmoe
