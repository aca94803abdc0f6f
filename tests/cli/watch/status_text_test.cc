#include "cli/watch/status_text.h"

#include "gmock/gmock.h"

namespace pmoe {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

RunStatus SampleStatus() {
  RunStatus status;
  status.set_label("Hopper-v5 pmoe_sac seed 1");
  status.set_mode("async");
  status.set_state("running");
  status.set_run_id("0123");
  status.set_directory("runs/hopper");
  status.set_learner_epoch(2);
  status.set_env_steps(1500);
  status.set_total_steps(100000);
  status.set_updates(500);
  status.set_policy_version(77);
  status.set_lag_versions(1.25);
  return status;
}

TEST(StatusTextTest, TheRunsStateAndRatesAreThere) {
  const std::string text = StatusText(SampleStatus());
  EXPECT_THAT(text, HasSubstr("Hopper-v5 pmoe_sac seed 1  async, running"));
  EXPECT_THAT(text, HasSubstr("run 0123 in runs/hopper, learner epoch 2"));
  EXPECT_THAT(text, HasSubstr("env steps 1500 of 100000"));
  EXPECT_THAT(text, HasSubstr("policy v77; sampled rows are 1.2 versions"));
  EXPECT_THAT(text, HasSubstr("evaluation none yet"));
  EXPECT_THAT(text, HasSubstr("0 connections, "));
}

TEST(StatusTextTest, EachMemberHasItsLine) {
  RunStatus status = SampleStatus();
  MemberStatus* actor = status.add_members();
  actor->set_role(RUN_ROLE_ACTOR);
  actor->set_index(3);
  actor->set_epoch(1);
  actor->set_connected(true);
  actor->set_policy_version(76);
  actor->mutable_process()->set_pid(4711);
  actor->mutable_process()->set_host("here");
  actor->mutable_process()->set_metrics_address("127.0.0.1:9100");
  actor->mutable_rates()->set_env_steps_per_s(250.4);
  MemberStatus* replay = status.add_members();
  replay->set_role(RUN_ROLE_REPLAY);
  replay->mutable_table()->set_size(1234);
  replay->mutable_table()->set_limiter("inserts wait: 5 > 4");
  NamedTableStats* const demos = replay->mutable_table()->add_tables();
  demos->set_name("demos");
  demos->set_size(500);
  demos->set_sampled(70);
  replay->mutable_table()->mutable_disk()->set_free_bytes(1'000'000'000);
  replay->mutable_table()->mutable_disk()->set_total_bytes(2'000'000'000);
  const std::string text = StatusText(status);
  EXPECT_THAT(text, HasSubstr("1 connections (1 gone), the actors' 250 steps/s:"));
  EXPECT_THAT(text, ContainsRegex("actor 3 +connected +v76 .* 250 steps/s, .*; epoch 1, pid 4711 "
                                  "on here, metrics 127.0.0.1:9100"));
  EXPECT_THAT(text, HasSubstr(", table demos: 500 rows, 70 sampled; "));
  EXPECT_THAT(text, ContainsRegex("replay 0 +GONE .*1234 rows held, .*disk 1.0 of 2.0 GB free"));
  EXPECT_THAT(text, HasSubstr("replay 0 limiter: inserts wait: 5 > 4"));
}

// What a low and narrow screen would cut is not what matters.
TEST(StatusTextTest, WhoIsGoneAndWhoWaitsComesFirst) {
  RunStatus status = SampleStatus();
  for (const RunRole role : {RUN_ROLE_ACTOR, RUN_ROLE_ACTOR, RUN_ROLE_REPLAY}) {
    status.add_members()->set_role(role);
  }
  status.mutable_members(0)->set_connected(true);
  status.mutable_members(1)->set_index(7);
  status.mutable_members(2)->set_connected(true);
  status.mutable_members(2)->mutable_table()->set_limiter("inserts wait");
  status.set_limiter("inserts wait");  // of the one shard: said once
  const std::string text = StatusText(status);
  EXPECT_THAT(text, ContainsRegex("replay 0 limiter: inserts wait\n2 connec.*\n.*actor 7.*\n"
                                  ".*replay 0.*\n.*actor 0"));
  EXPECT_THAT(text, Not(HasSubstr("\nlimiter:")));
}

TEST(StatusTextTest, DifferentBuildsAreCounted) {
  RunStatus status = SampleStatus();
  status.mutable_process()->set_build_id("0.1.0 (0123)");
  EXPECT_THAT(StatusText(status), Not(HasSubstr("BUILDS")));
  for (const char* build : {"0.1.0 (0123)", "0.0.9"}) {
    status.add_members()->mutable_process()->set_build_id(build);
  }
  EXPECT_THAT(StatusText(status), HasSubstr("BUILDS DIFFER: 0.0.9 × 1 0.1.0 (0123) × 2\n"));
}

}  // namespace
}  // namespace pmoe
