#include "common/tls/peer_name.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
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

TEST(PeerNameTest, ANameMayMeanOneSeatAndEveryOtherMeansAll) {
  const auto seat = [](const std::string& end) {
    const auto parsed = ParsePeerName("spiffe://pmoe/" + end);
    EXPECT_OK(parsed) << end;
    return parsed.ok() ? parsed->seat() : std::nullopt;
  };
  for (const char* any : {"actor/1", "actor/0", "actor/evaluator", "replay/1", "learner/1"}) {
    EXPECT_FALSE(seat(any).has_value()) << any;
  }
  for (const uint32_t index : {0u, 3u, kPeerSeatMax}) {
    const PeerSeat wanted = {.index = index};
    for (const char* role : {"actor/", "replay/"}) {
      const auto one = seat(role + wanted.Name());
      ASSERT_TRUE(one.has_value());
      EXPECT_EQ(one->index, index);
      EXPECT_FALSE(one->evaluator);
    }
  }
  const auto evaluator = seat("actor/" + PeerSeat{.evaluator = true}.Name());
  EXPECT_TRUE(evaluator.has_value() && evaluator->evaluator);
}

// One that was meant for one member must not open every seat.
TEST(PeerNameTest, ADamagedSeatIsNotTakenForAll) {
  for (const char* uri :
       {"actor/seat-", "actor/seat-x", "actor/seat-03", "actor/seat- 3", "actor/seat-+3",
        "actor/seat--1", "actor/seat-1024", "actor/seat-4294967296", "replay/seat-evaluator",
        "learner/seat-0", "admin/seat-evaluator"}) {
    EXPECT_THAT(ParsePeerName(absl::StrCat("spiffe://pmoe/", uri)), IsInvalid("a seat is one of"))
        << uri;
  }
}

TEST(PeerNameTest, AClustersNameHasItsLimits) {
  EXPECT_OK(CheckClusterName(std::string(63, 'a')));
  for (const std::string& name : {std::string(), std::string(64, 'a'), std::string("a/b")}) {
    EXPECT_THAT(CheckClusterName(name), IsInvalid("1 to 63 lower-case letters")) << name;
  }
}

}  // namespace
}  // namespace pmoe
