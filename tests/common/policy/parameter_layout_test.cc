#include "common/policy/parameter_layout.h"

#include <gtest/gtest.h>

namespace pmoe {
namespace {

const std::vector<DenseLayer> kLayers = {{"a", "obs", 3, 5, Activation::kRelu},
                                         {"b", "a", 5, 16, Activation::kIdentity}};

TEST(ParameterLayoutTest, ListsWeightThenBiasInTheOrderOfTheLayers) {
  const ParameterLayout layout(kLayers, 1, 1);
  ASSERT_EQ(layout.parameters().size(), 4u);
  const char* names[] = {"a.weight", "a.bias", "b.weight", "b.bias"};
  const int rows[] = {3, 1, 5, 1}, cols[] = {5, 5, 16, 16};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(layout.parameters()[i].name, names[i]);
    EXPECT_EQ(layout.parameters()[i].rows, rows[i]);
    EXPECT_EQ(layout.parameters()[i].cols, cols[i]);
  }
}

TEST(ParameterLayoutTest, StartsEveryParameterOnALineAndPadsTheEnd) {
  const ParameterLayout layout(kLayers, 1, 1);
  const size_t offsets[] = {0, 16, 32, 112};  // 15 -> 16, 5 -> 16, 80, 16
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(layout.parameters()[i].offset, offsets[i]);
  EXPECT_EQ(layout.total(), 128u);
}

TEST(ParameterLayoutTest, KeepsMembersAndCopiesTogether) {
  const ParameterLayout layout(kLayers, 3, 2);
  const size_t offsets[] = {0, 96, 128, 608};  // 6 groups: 90 -> 96, 30 -> 32, 480, 96
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(layout.parameters()[i].offset, offsets[i]);
  EXPECT_EQ(layout.total(), 704u);
}

}  // namespace
}  // namespace pmoe
