#include "cli/watch/status_screen.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"

namespace pmoe {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

MemberStatus* AddMember(RunStatus* status, RunRole role, uint32_t index, bool connected) {
  MemberStatus* member = status->add_members();
  member->set_role(role);
  member->set_index(index);
  member->set_connected(connected);
  member->set_policy_version(90);
  member->mutable_process()->set_build_id("0.1.0 (0123)");
  member->mutable_process()->set_host("node-7");
  member->mutable_process()->set_pid(4711);
  member->mutable_rates()->set_env_steps_per_s(100.0);
  return member;
}

RunStatus SampleStatus(int actors) {
  RunStatus status;
  status.set_label("Hopper-v5 pmoe_sac seed 1");
  status.set_mode("async");
  status.set_state("running");
  status.set_directory("runs/hopper");
  status.set_env_steps(1'500'000);
  status.set_total_steps(3'000'000);
  status.set_policy_version(93);
  status.mutable_process()->set_build_id("0.1.0 (0123)");
  status.mutable_disk()->set_free_bytes(12'300'000'000);
  status.mutable_disk()->set_total_bytes(100'000'000'000);
  for (int i = 0; i < actors; ++i)
    AddMember(&status, RUN_ROLE_ACTOR, static_cast<uint32_t>(i), true);
  MemberStatus* replay = AddMember(&status, RUN_ROLE_REPLAY, 0, true);
  replay->mutable_table()->set_size(123'456);
  replay->mutable_table()->set_limiter("inserts wait: 5 > 4");
  replay->mutable_table()->mutable_disk()->set_free_bytes(1'000'000'000);
  replay->mutable_table()->mutable_disk()->set_total_bytes(2'000'000'000);
  return status;
}

std::string Text(const StatusView& view, const ScreenSize& size = {}) {
  return absl::StrJoin(StatusScreen(view, size), "\n");
}

TEST(StatusScreenTest, ShowsRatesLimiterLagDisksAndMembers) {
  const std::string text = Text({SampleStatus(2), "unix:/l", "12:00:00", "", ""});
  EXPECT_THAT(text, HasSubstr("steps   1,500,000 of 3,000,000 (50.0 %)"));
  EXPECT_THAT(text, HasSubstr("build 0.1.0 (0123)"));
  EXPECT_THAT(text, HasSubstr("disk    12.3 of 100.0 GB free"));
  EXPECT_THAT(text, HasSubstr("limiter replay 0: inserts wait: 5 > 4"));
  EXPECT_THAT(text, HasSubstr("actors  2, 200 steps/s"));
  EXPECT_THAT(text, ContainsRegex("actor 1 +ok +0 +v90 +3 +100 .*node-7:4711"));
  EXPECT_THAT(text, ContainsRegex("replay 0 +ok .*123,456 rows.*disk 1.0 of 2.0 GB free"));
  EXPECT_THAT(text, Not(HasSubstr("AWAY")));
}

TEST(StatusScreenTest, AnyClusterFitsTheTerminal) {
  RunStatus status = SampleStatus(500);
  status.set_label(std::string(300, 'x'));
  status.mutable_members(400)->set_connected(false);
  const std::vector<std::string> lines =
      StatusScreen({status, "unix:/l", "12:00:00", "12:00:00", std::string(200, 'e')}, {80, 24});
  EXPECT_LE(lines.size(), 23u);
  for (const std::string& line : lines) EXPECT_LE(line.size(), 79u + 3u) << line;  // "…", "×"
  const std::string text = absl::StrJoin(lines, "\n");
  EXPECT_THAT(text, HasSubstr("actors  499 (1 gone), 49900 steps/s"));
  EXPECT_THAT(text, ContainsRegex("actor 400 +GONE"));
  EXPECT_THAT(text, HasSubstr("replay 0"));
  EXPECT_THAT(text, ContainsRegex("… and [0-9]+ more"));
}

TEST(StatusScreenTest, AnAwayLearnerIsNamedAndTheLastStatusStays) {
  const std::string text =
      Text({SampleStatus(1), "unix:/l", "12:00:09", "12:00:02", "connection refused"});
  EXPECT_THAT(text, HasSubstr("LEARNER AWAY since 12:00:02, now 12:00:09: unix:/l: connection"));
  EXPECT_THAT(text, HasSubstr("Hopper-v5"));
  const std::string never = Text({std::nullopt, "unix:/l", "12:00:09", "12:00:02", "refused"});
  EXPECT_THAT(never, HasSubstr("LEARNER AWAY since 12:00:02"));
}

TEST(StatusScreenTest, ALongExplanationGoesOnInTheNextLineAndIsSaidOnce) {
  RunStatus status = SampleStatus(1);
  const std::string text = "inserts are blocked: surplus 100 * (1368 - 1000) - 24000 > 12800, so " +
                           std::string("they wait for samples since 2 s");
  status.set_limiter(text);
  status.mutable_members(1)->mutable_table()->set_limiter(text);
  const std::string screen = Text({status, "", "12:00:00", "", ""});
  EXPECT_THAT(screen, ContainsRegex("limiter replay 0: inserts .*\n        .*samples since 2 s"));
  EXPECT_THAT(screen, Not(HasSubstr("limiter inserts")));
}

TEST(StatusScreenTest, DifferentBuildsAreCounted) {
  RunStatus status = SampleStatus(3);
  status.mutable_members(1)->mutable_process()->set_build_id("0.0.9");
  EXPECT_THAT(Text({status, "", "", "", ""}),
              HasSubstr("BUILDS DIFFER: 0.0.9 × 1 0.1.0 (0123) × 4"));
}

}  // namespace
}  // namespace pmoe
