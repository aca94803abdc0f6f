#include "control/wire/scrape_targets.h"

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

using nlohmann::json;

RunStatus Learner(const char* metrics) {
  RunStatus status;
  status.set_run_id("0123");
  status.mutable_process()->set_metrics_address(metrics);
  return status;
}

MemberStatus* AddActor(RunStatus* status, uint32_t index, const char* metrics,
                       const char* machine) {
  MemberStatus* const member = status->add_members();
  member->set_role(RUN_ROLE_ACTOR);
  member->set_index(index);
  member->set_connected(true);
  member->mutable_process()->set_host(machine);  // of this test: where it calls from
  member->mutable_process()->set_metrics_address(metrics);
  return member;
}

std::string MachineOf(const MemberStatus& member) { return member.process().host(); }

// "job index address" of each, as Prometheus would see them.
std::vector<std::string> Seen(const RunStatus& status, const char* asked_at) {
  std::vector<std::string> seen;
  for (const json& group : json::parse(ScrapeTargetsJson(status, MachineOf, "pmoe", asked_at))) {
    seen.push_back(group["labels"]["job"].get<std::string>() + " " +
                   group["labels"]["index"].get<std::string>() + " " +
                   group["targets"].at(0).get<std::string>());
  }
  return seen;
}

using Lines = std::vector<std::string>;

TEST(ScrapeTargetsTest, EachProcessHasItsAddressAndLabels) {
  RunStatus status = Learner("127.0.0.1:9100");
  AddActor(&status, 3, "127.0.0.1:40001", "this machine");
  const json groups = json::parse(ScrapeTargetsJson(status, MachineOf, "here", "127.0.0.1:9100"));
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[1], json::parse(R"({
    "targets": ["127.0.0.1:40001"],
    "labels": {"job": "pmoe-actor", "cluster": "here", "run": "0123", "role": "actor",
               "index": "3"}})"));
}

// In containers everybody listens on 0.0.0.0, which is nobody's address.
TEST(ScrapeTargetsTest, WhoListensOnEveryAddressIsWhereItIsSeen) {
  RunStatus status = Learner("0.0.0.0:9100");
  AddActor(&status, 0, "0.0.0.0:9100", "10.0.0.7");
  AddActor(&status, 1, "[::]:9100", "[fd00::7]");
  AddActor(&status, 2, "0.0.0.0:9101", "this machine");
  AddActor(&status, 3, "0.0.0.0:9102", "127.0.0.1");
  EXPECT_EQ(Seen(status, "learner:9100"),
            (Lines{"pmoe-learner 0 learner:9100", "pmoe-actor 0 10.0.0.7:9100",
                   "pmoe-actor 1 [fd00::7]:9100", "pmoe-actor 2 learner:9101",
                   "pmoe-actor 3 learner:9102"}));
}

TEST(ScrapeTargetsTest, TheAskersWordForTheLearnerIsTakenWithoutItsPort) {
  const RunStatus status = Learner("0.0.0.0:9100");
  EXPECT_EQ(Seen(status, "learner"), Lines{"pmoe-learner 0 learner:9100"});
  EXPECT_EQ(Seen(status, "[fd00::1]:80"), Lines{"pmoe-learner 0 [fd00::1]:9100"});
  for (const char* nonsense : {"", ":", "a/b", "x y:1", "\"<\xff"}) {
    EXPECT_EQ(Seen(status, nonsense), Lines{"pmoe-learner 0 127.0.0.1:9100"}) << nonsense;
  }
}

TEST(ScrapeTargetsTest, AShardThatIsAwayStaysAnActorThatIsGoneDoesNot) {
  RunStatus status = Learner("127.0.0.1:9100");
  AddActor(&status, 0, "127.0.0.1:1", "this machine")->set_connected(false);
  MemberStatus* const shard = AddActor(&status, 1, "127.0.0.1:2", "this machine");
  shard->set_role(RUN_ROLE_REPLAY);
  shard->set_connected(false);
  EXPECT_EQ(Seen(status, "127.0.0.1:9100"),
            (Lines{"pmoe-learner 0 127.0.0.1:9100", "pmoe-replay 1 127.0.0.1:2"}));
}

TEST(ScrapeTargetsTest, WhatNobodyCouldAskIsLeftOut) {
  RunStatus status = Learner("");
  for (const char* metrics : {"", "unix:/tmp/x", "host", "host:0", "host:70000", "a/b:80", "a b:80",
                              "u@h:80", "127.0.0.1:9100"}) {
    AddActor(&status, 0, metrics, "10.0.0.7");
  }
  EXPECT_EQ(Seen(status, "learner:9100"), Lines{});
}

// What is in a label is text to JSON, whatever its bytes.
TEST(ScrapeTargetsTest, NamesAreEscaped) {
  RunStatus status = Learner("127.0.0.1:9100");
  status.set_run_id("a\"b\n<c>");
  const json groups = json::parse(ScrapeTargetsJson(status, MachineOf, "\xff", "127.0.0.1:9100"));
  EXPECT_EQ(groups[0]["labels"]["run"], "a\"b\n<c>");
}

}  // namespace
}  // namespace pmoe
