// The whole screen, drawn on real terminals of two sizes.
#include "cli/watch/status_screen.h"

#include <stdlib.h>

#include <limits>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/watch/actor_table.h"
#include "control/wire/name_stragglers.h"
#include "dashboard/status_text.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/terminal.h"

namespace pmoe {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr ScreenSize kSmall = {80, 24}, kLarge = {200, 60}, kEndless = {kNoLimit, kNoLimit};

MemberStatus* AddActor(RunStatus* status, uint32_t index, double steps_per_s) {
  MemberStatus* const actor = status->add_members();
  actor->set_role(RUN_ROLE_ACTOR);
  actor->set_index(index);
  actor->set_connected(true);
  actor->set_policy_version(100 + index);
  actor->mutable_rates()->set_env_steps_per_s(steps_per_s);
  actor->mutable_rates()->mutable_time()->set_env(0.3);
  actor->mutable_rates()->mutable_time()->set_blocked(0.6);
  actor->mutable_usage()->set_cpu_cores(0.25);
  actor->mutable_usage()->set_memory_bytes(300'000'000);
  actor->mutable_process()->set_host("box");
  return actor;
}

// A run of `actors` as it is published, of which 3, 7 and 12 are slow, 5 says nothing and 20 is
// gone.
RunStatus RunOf(uint32_t actors) {
  RunStatus status;
  status.set_run_id("0123");
  status.set_directory("runs/x");
  status.set_label("Hopper-v5 sac seed 1");
  status.set_mode("async");
  status.set_state("running");
  status.set_env_steps(1500);
  status.set_total_steps(100000);
  status.set_env_steps_per_s(709.0);
  status.mutable_verdict()->set_text(
      "The learner is the bottleneck: actors idle 62 %. More actors will not help; a second "
      "learner "
      "thread would give up to 1.8 times.");
  status.mutable_time()->set_update(0.8);
  status.mutable_time()->set_sample_wait(0.1);
  status.mutable_time()->add_phases()->set_name("critic");
  status.mutable_time()->mutable_phases(0)->set_share(0.6);
  LatencyMessage* const latency = status.add_latencies();
  latency->set_name("insert_ack");
  latency->set_count(10);
  latency->set_p50_s(0.0012);
  latency->set_p99_s(1.5);
  status.set_policy_lag_versions(1.5);
  for (uint32_t i = 0; i < actors; ++i) AddActor(&status, i, 100.0);
  for (const int slow : {3, 7, 12}) {
    if (slow >= status.members_size()) continue;
    ActorRates* const rates = status.mutable_members(slow)->mutable_rates();
    rates->set_env_steps_per_s(9.0 + slow);
    rates->mutable_time()->set_env(0.9);
    rates->mutable_time()->set_blocked(0.1);
  }
  if (actors > 5) status.mutable_members(5)->set_last_report_s(6.0);
  if (actors > 20) status.mutable_members(20)->set_connected(false);
  status.add_members()->set_role(RUN_ROLE_REPLAY);
  status.mutable_members(status.members_size() - 1)->set_connected(true);
  status.mutable_members(status.members_size() - 1)->mutable_table()->set_size(1234);
  NameStragglers(&status);
  return status;
}

std::string Text(const RunStatus& status, const ScreenSize& size = kEndless,
                 const std::string& sort = "state") {
  std::string text;
  for (const StyledLine& line : StatusScreen(status, size, sort)) {
    absl::StrAppend(&text, RenderLine(line, kNoLimit, /*color=*/false), "\n");
  }
  return text;
}

// What a terminal of that size shows, line by line.
std::vector<std::string> Drawn(const RunStatus& status, const ScreenSize& size) {
  ::setenv("TERM", "xterm", 1);
  Terminal terminal(size.columns, size.lines);
  LiveScreen screen(terminal.file());
  screen.Draw(StatusScreen(status, screen.size(), "state"));
  std::string drawn = terminal.Read();
  drawn.resize(drawn.rfind("\x1b[J"));
  return absl::StrSplit(drawn, "\x1b[K\r\n", absl::SkipEmpty());
}

int Columns(const std::string& line) {
  int count = 0;
  for (const char c : line) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

class EverySizeTest : public ::testing::TestWithParam<ScreenSize> {};

// The purpose of the screen: whatever the run's size, who holds it back is on it.
TEST_P(EverySizeTest, AThousandActorsFitAndTheWorstAreNamed) {
  const std::vector<std::string> lines = Drawn(RunOf(1024), GetParam());
  EXPECT_EQ(lines.size(), static_cast<size_t>(GetParam().lines - 1));
  for (const std::string& line : lines) EXPECT_LT(Columns(line), GetParam().columns) << line;
  const std::string all = absl::StrJoin(lines, "\n");
  EXPECT_THAT(lines[1], HasSubstr("The learner is the bottleneck: actors idle 62 %."));
  EXPECT_THAT(all, HasSubstr("Actors 3, 7 and 12 make 16 %"));
  EXPECT_THAT(all, HasSubstr("1024 actors, "));
  EXPECT_THAT(all, HasSubstr("1 GONE     actor 20:"));
  EXPECT_THAT(all, HasSubstr("1 silent   actor 5:"));
  EXPECT_THAT(all, HasSubstr("3 slow     actors 3, 7, 12: steps/s 12.0/16.0/21.0"));
  EXPECT_THAT(all, HasSubstr("1019 running  steps/s 100/100/100  blocked 60%/60%/60%"));
  EXPECT_THAT(all,
              ContainsRegex("\nactor 20   GONE .*\nactor 5    silent 6s .*\nactor 3    slow "));
  EXPECT_THAT(lines.back(), ContainsRegex("^… and [0-9]+ more actors: "));
}

TEST_P(EverySizeTest, AFewActorsEachHaveTheirLineAndNoTotals) {
  const std::vector<std::string> lines = Drawn(RunOf(4), GetParam());
  const std::string all = absl::StrJoin(lines, "\n");
  EXPECT_THAT(all, ContainsRegex("\nMEMBER +STATE +CPU +MEMORY +STEPS/S +ENV .* BLOCK +IDLE"));
  EXPECT_THAT(all, ContainsRegex("\nactor 0    running +0.25 +300 MB +100 +30% +0% +0% +60% +0% "));
  EXPECT_THAT(all, ContainsRegex("\nactor 3    slow "));
  EXPECT_THAT(all, ContainsRegex("\nreplay 0   running +– +– +1234 rows"));
  EXPECT_THAT(all, Not(HasSubstr("4 actors")));
  EXPECT_THAT(all, Not(HasSubstr("…")));
}

INSTANTIATE_TEST_SUITE_P(Sizes, EverySizeTest, ::testing::Values(kSmall, kLarge));

TEST(StatusScreenTest, TheRunsNumbersAreThere) {
  const std::string text = Text(RunOf(1));
  EXPECT_THAT(text, HasSubstr("Hopper-v5 sac seed 1  async, running\n"));
  EXPECT_THAT(text, HasSubstr("env steps 1500 of 100000 (1%), 709/s, 2.3 min left; updates 0, "));
  EXPECT_THAT(text, HasSubstr("learner: update 80% (critic 60%), waits for rows 10%\n"));
  EXPECT_THAT(text, HasSubstr("actors' weights are 1.5 versions, 0.0 s old; "));
  EXPECT_THAT(text, HasSubstr("insert to ack 1.2 ms (99%: 1.5 s)\n"));
}

// A learner of before these fields says none of them: nothing is known, which is not 0.
TEST(StatusScreenTest, WhatAnOlderProcessDoesNotSayIsUnknown) {
  RunStatus status;
  status.set_run_id("0123");
  MemberStatus* const actor = status.add_members();
  actor->set_role(RUN_ROLE_ACTOR);
  actor->set_connected(true);
  actor->mutable_rates()->set_env_steps_per_s(250.4);
  const std::string text = Text(status);
  EXPECT_THAT(text, ContainsRegex("\nactor 0    running +– +– +250 +– +– +– +– +– +v0 "));
  for (const char* unsaid : {"learner:", "weights are", "to ack", "samples per insert", "CPU h",
                             "GPU", "disk", "bottleneck", "cost"}) {
    EXPECT_THAT(text, Not(HasSubstr(unsaid)));
  }
}

// The order in which actors come.
std::vector<uint32_t> Order(const RunStatus& status, const char* field) {
  std::vector<uint32_t> order;
  for (const ActorRow& row : SortedActors(status, field)) order.push_back(row.member->index());
  return order;
}

TEST(SortedActorsTest, WhatIsRemarkableComesFirst) {
  RunStatus status;
  for (uint32_t i = 0; i < 3; ++i) AddActor(&status, i, 100.0 - i);
  status.mutable_members(1)->mutable_usage()->set_cpu_cores(1.0);
  status.mutable_members(1)->mutable_usage()->set_memory_bytes(999'000'000);
  status.mutable_members(2)->mutable_rates()->mutable_time()->set_blocked(0.9);
  status.mutable_members(2)->mutable_rates()->mutable_time()->set_idle(0.1);
  status.mutable_members(2)->set_last_report_s(1.0);
  using Indices = std::vector<uint32_t>;
  EXPECT_EQ(Order(status, "index"), (Indices{0, 1, 2}));
  EXPECT_EQ(Order(status, "state"), (Indices{0, 1, 2}));
  EXPECT_EQ(Order(status, "steps"), (Indices{2, 1, 0}));
  EXPECT_EQ(Order(status, "cpu"), (Indices{1, 0, 2}));
  EXPECT_EQ(Order(status, "memory"), (Indices{1, 0, 2}));
  EXPECT_EQ(Order(status, "blocked"), (Indices{2, 0, 1}));
  EXPECT_EQ(Order(status, "idle"), (Indices{2, 0, 1}));
  EXPECT_EQ(Order(status, "seen"), (Indices{2, 0, 1}));
  EXPECT_EQ(Order(status, "weights"), (Indices{0, 1, 2}));
}

TEST(SortedActorsTest, EveryFieldOfTheFlagSorts) {
  RunStatus status = RunOf(30);
  for (int i = 0; i < 30; ++i) {  // all different, in an order that no field has by itself
    MemberStatus* const actor = status.mutable_members(i);
    const double value = (i * 7) % 30;
    actor->set_connected(i % 2 == 0);
    actor->set_last_report_s(value);
    actor->set_policy_version(static_cast<uint64_t>(value));
    actor->mutable_rates()->set_env_steps_per_s(value);
    actor->mutable_rates()->mutable_time()->set_blocked(value / 30);
    actor->mutable_rates()->mutable_time()->set_idle(value / 30);
    actor->mutable_usage()->set_cpu_cores(value);
    actor->mutable_usage()->set_memory_bytes(static_cast<int64_t>(value));
  }
  for (const std::string& field : ActorSortFields()) {
    if (field == "index") continue;
    EXPECT_NE(Order(status, field.c_str()), Order(status, "index")) << field;
  }
}

// There were three rules: the screen called an actor silent after 3 s and the verdict after 4, and
// the page had bounds of its own.
TEST(StragglersShownTest, VerdictScreenAndPageNameTheSameActors) {
  const RunStatus status = RunOf(30);
  EXPECT_THAT(status.verdict().text(),
              EndsWith(" Actors 3, 7 and 12 make 16 % of the others' steps. Actors 5 and 20 have "
                       "said nothing for 6 s."));
  std::map<ActorState, std::set<uint32_t>> shown;
  for (const ActorRow& row : SortedActors(status, "index")) {
    shown[row.state].insert(row.member->index());
  }
  EXPECT_THAT(shown[ActorState::kSlow], ElementsAre(3, 7, 12));
  EXPECT_THAT(shown[ActorState::kSilent], ElementsAre(5));
  EXPECT_THAT(shown[ActorState::kGone], ElementsAre(20));
  const nlohmann::json page = nlohmann::json::parse(PageStatusJson(status))["verdict"];
  EXPECT_EQ(page["slow_actors"], nlohmann::json({3, 7, 12}));
  EXPECT_EQ(page["silent_actors"], nlohmann::json({5, 20}));
}

// One that nobody named is shown as running, whatever its numbers are.
TEST(StragglersShownTest, TheScreenHasNoRuleOfItsOwn) {
  RunStatus status = RunOf(30);
  status.mutable_verdict()->clear_slow_actors();
  for (const ActorRow& row : SortedActors(status, "index")) EXPECT_NE(row.state, ActorState::kSlow);
}

// A peer may report anything that is a number.
TEST(StatusScreenTest, NumbersWithoutSenseAreDrawnAsWell) {
  RunStatus status = RunOf(9);
  status.set_env_steps_per_s(1e-300);
  status.mutable_members(0)->mutable_rates()->set_env_steps_per_s(
      std::numeric_limits<double>::quiet_NaN());
  status.mutable_members(1)->mutable_rates()->set_env_steps_per_s(
      std::numeric_limits<double>::infinity());
  status.mutable_members(2)->mutable_usage()->set_memory_bytes(INT64_MIN);
  status.mutable_members(4)->mutable_process()->set_host("\x1b[2J\xff");
  EXPECT_EQ(Drawn(status, kSmall).size(), 23u);
}

}  // namespace
}  // namespace pmoe
