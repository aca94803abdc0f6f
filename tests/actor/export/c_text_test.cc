#include "actor/export/c_text.h"

#include <gmock/gmock.h>

#include <clocale>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "actor/export/c_edition.h"
#include "common/base/rng.h"

namespace pmoe {
namespace {

using Limits = std::numeric_limits<float>;

TEST(CTextTest, AFloatReadsBackToTheSameBits) {
  Rng rng(1, RngRole::kInit, 0);
  std::vector<float> values = {0.0f,          -0.0f,         1.0f,
                               0.1f,          1e-5f,         16777216.0f,
                               Limits::max(), Limits::min(), Limits::denorm_min(),
                               -Limits::max()};
  for (int i = 0; i < 1000; ++i) values.push_back(rng.Normal() * std::exp(40.0f * rng.Normal()));
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const std::string text = CFloat(value);
    ASSERT_EQ(text.back(), 'f');
    EXPECT_NE(text.find_first_of(".e"), std::string::npos) << text << " is no floating literal";
    const float back = std::strtof(text.c_str(), nullptr);
    EXPECT_EQ(std::signbit(back), std::signbit(value));
    EXPECT_EQ(back, value) << text;
  }
}

TEST(CTextTest, NothingOfATextEndsItsStringOrComment) {
  EXPECT_EQ(CString("a\"b\\c?\n\x80"), "\"a\\\"b\\\\c\\?\\012\\200\"");
  EXPECT_EQ(CComment("mjcf:a*/b\\\n"), "mjcf:a_/b__");
}

TEST(CTextTest, LinesAreShort) {
  const std::vector<float> values(100, -0.333333343f);
  const std::string text = CFloatArray("w0", values);
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    EXPECT_LE(end - begin, 100u);
  }
}

TEST(CNameTest, IsAnIdentifier) {
  EXPECT_EQ(CNameOf("dir/policy.h"), "policy");
  EXPECT_EQ(CNameOf("walk-2 fast.h"), "walk_2_fast");
  EXPECT_EQ(CNameOf("2walk.h"), "policy_2walk");
  EXPECT_EQ(CNameOf("Läufer.h"), "L__ufer");
}

}  // namespace
}  // namespace pmoe
