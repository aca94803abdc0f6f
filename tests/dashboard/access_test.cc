#include "dashboard/access.h"

#include "absl/strings/str_cat.h"
#include "tests/dashboard/dashboard_testing.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr char kToken[] = "0123456789abcdef";

TEST(AccessTest, WithoutATokenEverybodyMayLook) { EXPECT_TRUE(Access("", true).Allowed({})); }

TEST(AccessTest, ATokenComesAsCookieHeaderOrParameter) {
  const Access access(kToken, true);
  const std::string token = kToken;
  EXPECT_TRUE(access.Allowed({.authorization = "Bearer " + token}));
  EXPECT_TRUE(access.Allowed({.cookie = "a=b; pmoe_token=" + token}));
  EXPECT_TRUE(access.Allowed({.query_token = token}));
}

TEST(AccessTest, AnythingElseIsRefused) {
  const Access access(kToken, true);
  const std::string token = kToken;
  EXPECT_FALSE(access.Allowed({}));
  EXPECT_FALSE(access.Allowed({.authorization = token}));
  EXPECT_FALSE(access.Allowed({.authorization = "Bearer " + token + "x"}));
  EXPECT_FALSE(access.Allowed({.cookie = "pmoe_token="}));
  EXPECT_FALSE(access.Allowed({.cookie = "x_pmoe_token=" + token}));
  EXPECT_FALSE(access.Allowed({.query_token = "0123456789abcdeX"}));
}

TEST(AccessTest, OnLoopbackOnlyLocalNamesAreAnswered) {
  const Access access("", true);
  for (const char* host : {"localhost:6006", "127.0.0.1:6006", "127.0.0.1", "[::1]:80", "[::1]"}) {
    EXPECT_TRUE(access.HostAllowed(host)) << host;
  }
  for (const char* host : {"example.org:6006", "127.0.0.1.example.org", "127.evil", ""}) {
    EXPECT_FALSE(access.HostAllowed(host)) << host;
  }
  EXPECT_TRUE(Access("", false).HostAllowed("example.org"));
}

TEST(AccessTest, ATokenFileHasOneGoodLine) {
  TempDir dir;
  Append(dir.File("good"), absl::StrCat(kToken, "\nmore\n"));
  Append(dir.File("short"), "abc\n");
  Append(dir.File("odd"), "0123456789abcdef; HttpOnly\n");
  EXPECT_EQ(ReadTokenFile(dir.File("good")).value(), kToken);
  EXPECT_THAT(ReadTokenFile(dir.File("short")).status(), IsInvalid("16 to 256 letters"));
  EXPECT_FALSE(ReadTokenFile(dir.File("odd")).ok());
  EXPECT_FALSE(ReadTokenFile(dir.File("none")).ok());
}

}  // namespace
}  // namespace pmoe
