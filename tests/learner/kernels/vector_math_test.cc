// exp, log, tanh and softplus of floats against libm in double, over all the floats of their range
// by an even walk through their bits.
#include "learner/kernels/vector_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pmoe {
namespace {

constexpr uint32_t kStride = 997;  // of 2^32 floats: some four million

// Errors in units of the last place of the exact value.
template <typename Function, typename Exact>
double WorstUlp(float low, float high, Function function, Exact exact) {
  double worst = 0.0;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += kStride) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (!(x >= low && x <= high)) continue;
    const double wanted = exact(static_cast<double>(x));
    const float near = std::fabs(static_cast<float>(wanted));
    if (near < std::numeric_limits<float>::min()) continue;  // denormals are flushed
    const float next = std::nextafter(near, std::numeric_limits<float>::infinity());
    const double ulp = static_cast<double>(next) - static_cast<double>(near);
    worst = std::max(worst, std::fabs(static_cast<double>(function(x)) - wanted) / ulp);
  }
  return worst;
}

TEST(VectorMathTest, ExpIsRightToOneUlp) {
  const auto function = [](float x) { return Exp(x); };
  EXPECT_LE(WorstUlp(-87.0f, 88.0f, function, [](double x) { return std::exp(x); }), 1.1);
}

TEST(VectorMathTest, LogIsRightToOneUlp) {
  const auto function = [](float x) { return Log(x); };
  EXPECT_LE(WorstUlp(std::numeric_limits<float>::min(), std::numeric_limits<float>::max(), function,
                     [](double x) { return std::log(x); }),
            1.0);
}

TEST(VectorMathTest, TanhIsRightToTwoUlp) {
  const auto function = [](float x) { return Tanh(x); };
  const float most = std::numeric_limits<float>::max();
  EXPECT_LE(WorstUlp(-most, most, function, [](double x) { return std::tanh(x); }), 2.0);
}

TEST(VectorMathTest, SoftplusIsRightToThreeUlp) {
  const auto function = [](float x) { return Softplus(x); };
  EXPECT_LE(WorstUlp(-86.0f, 1e30f, function, [](double x) { return Softplus(x); }), 3.0);
}

TEST(VectorMathTest, NothingElseThanNumbersComesOutOfOnlyThoseThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isnan(Exp(nan)));
  EXPECT_TRUE(std::isnan(Exp(std::bit_cast<float>(0x7fc00001u))));
  EXPECT_TRUE(std::isnan(Log(nan)));
  EXPECT_TRUE(std::isnan(Log(infinity)));
  EXPECT_TRUE(std::isnan(Tanh(nan)));
  EXPECT_TRUE(std::isnan(Softplus(nan)));
  EXPECT_EQ(Exp(-infinity), 0.0f);
  EXPECT_EQ(Exp(infinity), Exp(88.0f));
  EXPECT_EQ(Tanh(infinity), 1.0f);
  EXPECT_EQ(Tanh(-infinity), -1.0f);
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_EQ(Log(1.0f), 0.0f);
  EXPECT_EQ(Tanh(0.0f), 0.0f);
}

}  // namespace
}  // namespace pmoe
