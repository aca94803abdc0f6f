// The generator's state, and a few of NumPy's numbers for machines without Python (numpy_oracle.py
// made them).
#include "actor/env/pcg64.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace pmoe {
namespace {

TEST(Pcg64Test, DrawsNumpysFirstNumbers) {
  Pcg64 generator(0);
  EXPECT_EQ(generator.Uniform(-0.1, 0.1), 0x1.c0cbca647ced0p-6);
  EXPECT_EQ(generator.StandardNormal(), -0x1.0e8cfe9bd45ccp-3);
  EXPECT_EQ(generator.Uniform(-0.1, 0.1), -0x1.7808d4489d6d2p-4);
  EXPECT_EQ(generator.StandardNormal(), 0x1.adabbec84d4f0p-4);
}

TEST(Pcg64Test, DrawsNumpysFirstNumbersOfASeedAbove32Bits) {
  Pcg64 generator((uint64_t{1} << 40) + 7);
  EXPECT_EQ(generator.Uniform(-0.1, 0.1), 0x1.0e2ec6cd75fa0p-4);
  EXPECT_EQ(generator.StandardNormal(), 0x1.fc0e36b2c05eap-5);
  EXPECT_EQ(generator.Uniform(-0.1, 0.1), -0x1.1b9d59698baa5p-4);
  EXPECT_EQ(generator.StandardNormal(), -0x1.469ae0e4ca706p-1);
}

TEST(Pcg64Test, ContinuesFromASavedState) {
  Pcg64 generator(5);
  generator.StandardNormal();
  ByteWriter out;
  generator.SaveState(&out);
  Pcg64 restored(0);
  ByteReader in(out.bytes());
  ASSERT_TRUE(restored.LoadState(&in).ok());
  EXPECT_EQ(restored.NextU64(), generator.NextU64());
}

TEST(Pcg64Test, RefusesEveryTruncationAndStaysAsItWas) {
  ByteWriter out;
  Pcg64(5).SaveState(&out);
  Pcg64 generator(6);
  for (size_t n = 0; n < out.bytes().size(); ++n) {
    ByteReader in(absl::string_view(out.bytes()).substr(0, n));
    ASSERT_EQ(generator.LoadState(&in).code(), absl::StatusCode::kDataLoss) << n;
  }
  EXPECT_EQ(generator.NextU64(), Pcg64(6).NextU64());
}

// An even increment halves the period; NumPy never makes one.
TEST(Pcg64Test, RefusesAnEvenIncrement) {
  ByteWriter out;
  for (const uint64_t word : {1, 2, 3, 4}) out.Pod(word);
  Pcg64 generator(6);
  ByteReader in(out.bytes());
  EXPECT_EQ(generator.LoadState(&in).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace pmoe
