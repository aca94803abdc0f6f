#include "common/base/crc32c.h"

#include <string>

#include "common/base/rng.h"
#include "gtest/gtest.h"

namespace pmoe {
namespace {

// Bit by bit, as the polynomial is defined (RFC 3720, B.4).
uint32_t ByBits(absl::string_view data) {
  uint32_t state = ~uint32_t{0};
  for (const char byte : data) {
    state ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = state >> 1 ^ (state & 1 ? 0x82f63b78 : 0);
  }
  return ~state;
}

TEST(Crc32cTest, KnownValues) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
}

TEST(Crc32cTest, AnyLengthFromAnyByteOnAndInAnyParts) {
  std::string bytes(7000, ' ');
  Rng rng(1, RngRole::kActor, 0, 0, 0);
  for (char& byte : bytes) byte = static_cast<char>(rng.NextU32());
  for (size_t length = 0; length < 6900; length = length * 9 / 8 + 1) {
    for (const size_t from : {0, 1, 7, 64}) {
      const absl::string_view data = absl::string_view(bytes).substr(from, length);
      const uint32_t crc = Crc32c(data);
      ASSERT_EQ(crc, ByBits(data)) << length << " from " << from;
      const size_t cut = length * 2 / 3;
      ASSERT_EQ(Crc32c(data.substr(cut), Crc32c(data.substr(0, cut))), crc) << length;
    }
  }
}

}  // namespace
}  // namespace pmoe
