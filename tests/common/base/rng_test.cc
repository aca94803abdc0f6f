#include "common/base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace pmoe {
namespace {

// Pieces of every size, so that it begins and ends anywhere in a block and with or without a spare.
TEST(RngTest, FillNormalGivesWhatNormalGives) {
  constexpr size_t kNumbers = 2'000'000, kPieces = 700;
  Rng filled(1, RngRole::kLearner, 0), single(1, RngRole::kLearner, 0);
  std::vector<float> piece;
  size_t done = 0, unequal = 0;
  for (size_t i = 0; done < kNumbers; ++i) {
    piece.resize((i * 7919) % kPieces);
    filled.FillNormal(piece.data(), piece.size());
    for (const float x : piece) {
      const float expected = single.Normal();
      unequal += x != expected ? 1 : 0;
      ASSERT_LE(std::abs(x - expected), 2e-7f * std::abs(expected));
    }
    done += piece.size();
  }
  EXPECT_LT(unequal, 3u);
  EXPECT_EQ(filled.NextU32(), single.NextU32());
}

TEST(RngTest, FillNormalGoesOnAfterOneWord) {
  Rng filled(1, RngRole::kLearner, 0), single(1, RngRole::kLearner, 0);
  filled.NextU32();
  single.NextU32();
  std::vector<float> numbers(1001);
  filled.FillNormal(numbers.data(), numbers.size());
  for (const float x : numbers) EXPECT_EQ(x, single.Normal());
}

// The lower counter word ends in the middle of the numbers.
TEST(RngTest, FillNormalCarriesTheCounter) {
  ByteWriter out;
  const Rng start(1, RngRole::kLearner, 0);
  start.SaveState(&out);
  std::string state = out.Take();
  const uint32_t late = UINT32_MAX - 37;
  state.replace(2 * sizeof(uint32_t), sizeof(late), reinterpret_cast<const char*>(&late),
                sizeof(late));
  Rng filled, single;
  ByteReader first(state), second(state);
  ASSERT_TRUE(filled.LoadState(&first).ok());
  ASSERT_TRUE(single.LoadState(&second).ok());
  std::vector<float> numbers(4096);
  filled.FillNormal(numbers.data(), numbers.size());
  for (const float x : numbers) EXPECT_FLOAT_EQ(x, single.Normal());
  EXPECT_EQ(filled.NextU32(), single.NextU32());
}

}  // namespace
}  // namespace pmoe
