#include "common/rpc/address.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

absl::StatusOr<RpcAddress> Parse(const std::string& text) {
  return ParseRpcAddress(text, "--listen");
}

TEST(RpcAddressTest, AUnixPathComesBackAsItWasWritten) {
  const auto address = Parse("unix:/run/pmoe/learner.sock");
  ASSERT_OK(address);
  EXPECT_TRUE(address->is_unix);
  EXPECT_EQ(address->path, "/run/pmoe/learner.sock");
  EXPECT_EQ(address->Text(), "unix:/run/pmoe/learner.sock");
}

TEST(RpcAddressTest, EveryFormOfLoopbackIsTaken) {
  for (const char* text : {"127.0.0.1:7000", "127.9.8.7:1", "localhost:0", "[::1]:65535"}) {
    const auto address = Parse(text);
    ASSERT_OK(address) << text;
    EXPECT_FALSE(address->is_unix);
    EXPECT_TRUE(address->is_loopback());
    EXPECT_EQ(address->Text(), text);
  }
}

TEST(RpcAddressTest, TheLongestPathIsTakenAndOneByteMoreIsNot) {
  const std::string longest = "/" + std::string(106, 'a');
  EXPECT_OK(Parse("unix:" + longest));
  EXPECT_THAT(Parse("unix:" + longest + "a"), IsInvalid("at most 107 bytes, this one 108"));
}

TEST(RpcAddressTest, ARefusalNamesTheFlagTheValueAndTheForm) {
  EXPECT_THAT(ParseRpcAddress("here", "--learner"),
              IsInvalid("--learner must be unix:/path or host:port, got \"here\": no port"));
}

TEST(RpcAddressTest, AnEmptyPathIsRefused) {
  EXPECT_THAT(Parse("unix:"), IsInvalid("the path is empty"));
}

TEST(RpcAddressTest, APortThatIsNoneIsRefused) {
  for (const char* port : {"", "x", "-1", "65536", "99999999999", "80 80", "0x50"}) {
    EXPECT_THAT(Parse(std::string("127.0.0.1:") + port), IsInvalid("from 0 to 65535")) << port;
  }
}

TEST(RpcAddressTest, AnyHostIsTakenAndOnlyLoopbackIsLoopback) {
  for (const char* host : {"0.0.0.0", "10.0.0.1", "[::]", "learner", "learner.example.org"}) {
    const auto address = Parse(std::string(host) + ":7000");
    ASSERT_OK(address) << host;
    EXPECT_EQ(address->host, host);
    EXPECT_FALSE(address->is_loopback()) << host;
  }
}

// "127.evil.org" starts like loopback, and is a name that a resolver may answer with any machine.
TEST(RpcAddressTest, ANameThatOnlyStartsLikeLoopbackIsNotLoopback) {
  for (const char* host : {"127.evil.org", "127.", "127.0.0.1.example.org", "127.0.0.256"}) {
    EXPECT_FALSE(Parse(std::string(host) + ":7000")->is_loopback()) << host;
  }
}

TEST(RpcAddressTest, NoHostAndAnIpv6AddressWithoutBracketsAreRefused) {
  EXPECT_THAT(Parse(":7000"), IsInvalid("no host"));
  EXPECT_THAT(Parse("::1:7000"), IsInvalid("in brackets"));
}

}  // namespace
}  // namespace pmoe
