#include "common/tls/peer_name.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

TEST(PeerNameTest, EveryRoleComesBackAsItWasWritten) {
  for (const PeerRole role : AllPeerRoles()) {
    const PeerName name = {"lab-1.example", role, "7"};
    const auto parsed = ParsePeerName(name.Uri());
    ASSERT_OK(parsed);
    EXPECT_EQ(parsed->Uri(), name.Uri());
    EXPECT_EQ(parsed->role, role);
  }
}

TEST(PeerNameTest, WhatIsNotOfThatFormIsRefused) {
  for (const char* uri : {"", "https://pmoe/actor/1", "spiffe://pmoe", "spiffe://pmoe/actor",
                          "spiffe://pmoe/actor/", "spiffe://pmoe/actor/1/2"}) {
    EXPECT_THAT(ParsePeerName(uri), IsInvalid("is not spiffe://<cluster>/<role>/<name>")) << uri;
  }
  EXPECT_THAT(ParsePeerName("spiffe://pmoe/root/1"), IsInvalid("the role must be"));
  EXPECT_THAT(ParsePeerName("spiffe://PMOE/actor/1"), IsInvalid("a cluster's name"));
}

TEST(PeerNameTest, AClustersNameHasItsLimits) {
  EXPECT_OK(CheckClusterName(std::string(63, 'a')));
  for (const std::string& name : {std::string(), std::string(64, 'a'), std::string("a/b")}) {
    EXPECT_THAT(CheckClusterName(name), IsInvalid("1 to 63 lower-case letters")) << name;
  }
}

}  // namespace
}  // namespace pmoe
