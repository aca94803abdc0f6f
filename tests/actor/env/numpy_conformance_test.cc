// The generator and the sums against the installed NumPy, to the last bit.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/numpy_math.h"
#include "actor/env/pcg64.h"
#include "tests/actor/env/oracle.h"

namespace pmoe {
namespace {

constexpr int kDraws = 20'000;
constexpr int kSumLengthMax = 700;

uint64_t Bits(double x) { return std::bit_cast<uint64_t>(x); }

// The oracle's numbers in printed order, two per line.
std::vector<double> AskNumpy(const std::string& what, uint64_t seed, int count) {
  std::istringstream text(
      RunOracle("numpy_oracle.py", {what, absl::StrCat(seed), absl::StrCat(count)}));
  std::vector<double> numbers;
  for (std::string word; text >> word;) numbers.push_back(std::strtod(word.c_str(), nullptr));
  EXPECT_EQ(numbers.size(), 2 * static_cast<size_t>(count));
  return numbers;
}

class NumpyConformanceTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(NumpyConformanceTest, UniformAndNormalDrawsEqualNumpy) {
  const std::vector<double> wanted = AskNumpy("draws", GetParam(), kDraws);
  Pcg64 generator(GetParam());
  for (size_t i = 0; i + 1 < wanted.size(); i += 2) {
    ASSERT_EQ(Bits(generator.Uniform(-0.1, 0.1)), Bits(wanted[i])) << "uniform of line " << i / 2;
    ASSERT_EQ(Bits(generator.StandardNormal()), Bits(wanted[i + 1])) << "normal of line " << i / 2;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, NumpyConformanceTest,
                         ::testing::Values(0, 1, 7, 12345, 0xFFFFFFFF, uint64_t{1} << 32,
                                           0x0123456789ABCDEF, ~uint64_t{0}));

TEST(NumpyMathConformanceTest, SumsOfEveryLengthEqualNumpy) {
  const std::vector<double> wanted = AskNumpy("sums", 3, kSumLengthMax);
  Pcg64 generator(3);
  std::vector<double> values;
  for (size_t i = 0; i + 1 < wanted.size(); i += 2) {
    values.push_back(generator.Uniform(-1.0, 1.0));
    ASSERT_EQ(Bits(NumpySum(values)), Bits(wanted[i])) << "sum of " << values.size();
    ASSERT_EQ(Bits(NumpySumOfSquares(values)), Bits(wanted[i + 1]))
        << "sum of squares of " << values.size();
  }
}

}  // namespace
}  // namespace pmoe
