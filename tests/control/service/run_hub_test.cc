#include "control/service/run_hub.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/wire/env_identity.h"
#include "tests/control/service/service_testing.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RunHubOptions HubOptions(bool lockstep = false, uint32_t actors = 1) {
  RunHubOptions options;
  options.roster = SmallRoster(lockstep, actors);
  options.learner_epoch = 3;
  options.config.mutable_env()->set_id("Task-v0");
  return options;
}

// Joins and opens a stream.
FollowerCursor Enter(RunHub* hub, uint32_t pid, RunRole role = RUN_ROLE_ACTOR) {
  const auto joined = hub->Join(MakeJoin(role, pid));
  EXPECT_OK(joined);
  auto cursor = hub->Open(MakeFirst(role, joined->seat()));
  EXPECT_OK(cursor);
  return *std::move(cursor);
}

Directive Round(uint64_t round) {
  Directive directive;
  directive.round = round;
  directive.steps_per_env = 10;
  return directive;
}

FollowerMessage ReportOf(uint64_t round) {
  FollowerMessage message;
  message.add_reports()->set_round(round);
  return message;
}

FollowerNews News(RunHub* hub, FollowerCursor* cursor) {
  auto news = hub->WaitNews(cursor, milliseconds(0));
  EXPECT_OK(news);
  return *std::move(news);
}

TEST(RunHubTest, JoinTellsTheConfigurationAndTheLearnersEpoch) {
  RunHub hub(HubOptions());
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 1));
  ASSERT_OK(joined);
  EXPECT_EQ(joined->learner_epoch(), 3u);
  EXPECT_EQ(joined->config().env().id(), "Task-v0");
}

TEST(RunHubTest, ALateComerGetsTheDirectiveThatStandsAndTheNewestSnapshot) {
  RunHub hub(HubOptions());
  Directive directive = Round(4);
  directive.snapshot = MakeVersion(11);
  hub.Publish(directive);
  hub.PublishSnapshot(MakeVersion(12));
  FollowerCursor cursor = Enter(&hub, 1);
  const FollowerNews news = News(&hub, &cursor);
  ASSERT_NE(news.snapshot, nullptr);
  EXPECT_EQ(news.snapshot->version, 12u);
  ASSERT_TRUE(news.directive.has_value());
  EXPECT_EQ(news.directive->round(), 4u);
  const FollowerNews none = News(&hub, &cursor);
  EXPECT_EQ(none.snapshot, nullptr);
  EXPECT_FALSE(none.directive.has_value());
}

TEST(RunHubTest, AnOlderSnapshotNeverReplacesANewerOne) {
  RunHub hub(HubOptions());
  FollowerCursor cursor = Enter(&hub, 1);
  hub.PublishSnapshot(MakeVersion(12));
  hub.PublishSnapshot(MakeVersion(11));
  EXPECT_EQ(News(&hub, &cursor).snapshot->version, 12u);
}

TEST(RunHubTest, OneThatComesBackWithTheNewestSnapshotIsNotSentItAgain) {
  RunHub hub(HubOptions());
  hub.PublishSnapshot(MakeVersion(12));
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 1));
  FollowerMessage first = MakeFirst(RUN_ROLE_ACTOR, joined->seat());
  first.set_policy_version(12);
  auto cursor = hub.Open(first);
  ASSERT_OK(cursor);
  EXPECT_EQ(News(&hub, &*cursor).snapshot, nullptr);
}

TEST(RunHubTest, OnlyActorsAreSentSnapshotsAsNews) {
  RunHub hub(HubOptions());
  hub.PublishSnapshot(MakeVersion(12));
  FollowerCursor cursor = Enter(&hub, 1, RUN_ROLE_EVALUATOR);
  EXPECT_EQ(News(&hub, &cursor).snapshot, nullptr);
}

TEST(RunHubTest, ActorsAreSpreadOverTheShards) {
  RunHub hub(HubOptions());
  hub.Publish(Round(1));
  std::vector<TableAssignment> tables(2);
  tables[0].set_address("a");
  tables[1].set_address("b");
  FollowerCursor first = Enter(&hub, 1), second = Enter(&hub, 2), third = Enter(&hub, 3);
  hub.SetTables(tables);
  EXPECT_EQ(News(&hub, &first).directive->table().address(), "a");
  EXPECT_EQ(News(&hub, &second).directive->table().address(), "b");
  EXPECT_EQ(News(&hub, &third).directive->table().address(), "a");
}

TEST(RunHubTest, EachActorGetsItsOwnPartOfTheCheckpoint) {
  RunHub hub(HubOptions());
  Directive directive = Round(1);
  directive.restore = std::make_shared<const std::vector<std::string>>(
      std::vector<std::string>{"part of 0", "part of 1"});
  hub.Publish(directive);
  Enter(&hub, 1);
  FollowerCursor second = Enter(&hub, 2), third = Enter(&hub, 3);
  EXPECT_EQ(News(&hub, &second).directive->restore(), "part of 1");
  EXPECT_EQ(News(&hub, &third).directive->restore(), "");
}

TEST(RunHubTest, ReportsComeInActorOrderOnceEveryActorHasReported) {
  RunHub hub(HubOptions(/*lockstep=*/true, /*actors=*/2));
  const FollowerCursor first = Enter(&hub, 1), second = Enter(&hub, 2);
  hub.Publish(Round(7));
  ASSERT_OK(hub.OnReport(second, ReportOf(7)));
  EXPECT_THAT(hub.WaitReports(seconds(0)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "from actor 0"));
  ASSERT_OK(hub.OnReport(first, ReportOf(7)));
  const auto reports = hub.WaitReports(seconds(0));
  ASSERT_OK(reports);
  ASSERT_EQ(reports->size(), 2u);
  EXPECT_EQ((*reports)[0].actor, 0u);
  EXPECT_EQ((*reports)[1].actor, 1u);
}

TEST(RunHubTest, AWaitForReportsEndsAfterItsTimeAndNamesWhoIsMissing) {
  FakeClock clock;
  RunHubOptions options = HubOptions(/*lockstep=*/true, /*actors=*/2);
  options.clock = &clock;
  RunHub hub(options);
  const FollowerCursor first = Enter(&hub, 1);
  hub.Publish(Round(7));
  ASSERT_OK(hub.OnReport(first, ReportOf(7)));
  const Clock::Time before = clock.Now();
  EXPECT_THAT(hub.WaitReports(seconds(600)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "no report for 600 s from actor 1"));
  EXPECT_EQ(clock.Now() - before, seconds(600));
}

TEST(RunHubTest, ASilentActorIsGivenUpAfterTenSeconds) {
  FakeClock clock;
  RunHubOptions options = HubOptions();
  options.clock = &clock;
  RunHub hub(options);
  FollowerCursor cursor = Enter(&hub, 7);
  hub.Publish(Round(1));
  ASSERT_OK(hub.WaitNews(&cursor, seconds(0)));
  clock.Advance(milliseconds(9'900));
  EXPECT_TRUE(hub.TakeDepartures().empty());
  clock.Advance(milliseconds(200));
  EXPECT_EQ(hub.TakeDepartures().size(), 1u);
  EXPECT_THAT(hub.WaitNews(&cursor, seconds(1)),
              FailsWith(absl::StatusCode::kAborted, "no report for 10 s"));
}

TEST(RunHubTest, ALostActorEndsALockstepRunThatHasBegun) {
  RunHub hub(HubOptions(/*lockstep=*/true));
  const FollowerCursor cursor = Enter(&hub, 7);
  hub.Publish(Round(1));
  hub.Close(cursor, /*leaving=*/false);
  EXPECT_THAT(hub.WaitReports(seconds(0)),
              FailsWith(absl::StatusCode::kAborted, "actor 0 (pid 7 on here) was lost"));
}

TEST(RunHubTest, BeforeItBeginsALockstepRunMayLoseAnActor) {
  RunHub hub(HubOptions(/*lockstep=*/true));
  hub.Close(Enter(&hub, 7), /*leaving=*/false);
  const FollowerCursor next = Enter(&hub, 8);
  hub.Publish(Round(1));
  ASSERT_OK(hub.OnReport(next, ReportOf(1)));
  EXPECT_OK(hub.WaitReports(seconds(0)));
}

TEST(RunHubTest, AsyncGoesOnWithoutALostActorAndSaysItOnce) {
  RunHub hub(HubOptions());
  const FollowerCursor cursor = Enter(&hub, 7);
  hub.Publish(Round(1));
  hub.Close(cursor, /*leaving=*/false);
  EXPECT_OK(hub.Failure());
  const std::vector<RunHub::Departure> gone = hub.TakeDepartures();
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].actor.process().pid(), 7u);
  EXPECT_FALSE(gone[0].in_order);
  EXPECT_TRUE(hub.TakeDepartures().empty());
}

TEST(RunHubTest, AnActorThatLeavesInOrderIsNotCalledLost) {
  RunHub hub(HubOptions());
  hub.Close(Enter(&hub, 7), /*leaving=*/true);
  const std::vector<RunHub::Departure> left = hub.TakeDepartures();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_TRUE(left[0].in_order);
}

TEST(RunHubTest, AStreamWhoseSeatWasTakenOverIsToldToJoinAgain) {
  RunHub hub(HubOptions());
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 1));
  auto old_stream = hub.Open(MakeFirst(RUN_ROLE_ACTOR, joined->seat()));
  ASSERT_OK(hub.Open(MakeFirst(RUN_ROLE_ACTOR, joined->seat())));
  EXPECT_THAT(hub.OnReport(*old_stream, FollowerMessage()),
              FailsWith(absl::StatusCode::kAborted, "join again"));
  EXPECT_THAT(hub.WaitNews(&*old_stream, milliseconds(0)),
              FailsWith(absl::StatusCode::kAborted, "join again"));
}

TEST(RunHubTest, AnEnvSpecThatDiffersIsRefused) {
  RunHub hub(HubOptions());
  Enter(&hub, 1);
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 2));
  FollowerMessage first = MakeFirst(RUN_ROLE_ACTOR, joined->seat());
  first.mutable_env()->set_simulator("MuJoCo 9");
  EXPECT_THAT(hub.Open(first),
              FailsWith(absl::StatusCode::kFailedPrecondition,
                        "this actor does not step what the run steps: simulator: none -> MuJoCo "
                        "9."));
}

// A map's order is not part of what it means, and is another one in every process.
TEST(RunHubTest, ManyParametersInAnotherOrderAreTheSame) {
  RunHub hub(HubOptions());
  for (const bool forward : {true, false}) {
    const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, forward ? 1 : 2));
    FollowerMessage first = MakeFirst(RUN_ROLE_ACTOR, joined->seat());
    for (int i = 0; i < 100; ++i) {
      (*first.mutable_env()->mutable_args())[absl::StrCat("p", forward ? i : 99 - i)] = "1";
    }
    EXPECT_OK(hub.Open(first));
  }
}

TEST(RunHubTest, ARunThatGoesOnTakesNobodyWithAnotherTask) {
  RunHubOptions options = HubOptions();
  options.directory = "runs/x";
  options.kept_env = MakeEnv();
  options.kept_env->set_max_episode_steps(5);
  {
    RunHub hub(options);
    const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 1));
    EXPECT_THAT(hub.Open(MakeFirst(RUN_ROLE_ACTOR, joined->seat())),
                FailsWith(absl::StatusCode::kFailedPrecondition, "max_episode_steps: 5 -> 0"));
    EXPECT_FALSE(hub.env().has_value());
  }
  options.allow_other_env = true;
  RunHub hub(options);
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 1));
  EXPECT_OK(hub.Open(MakeFirst(RUN_ROLE_ACTOR, joined->seat())));
}

TEST(RunHubTest, OneMemberAfterTheOtherIsAskedForTheTasksFiles) {
  RunHub hub(HubOptions());
  FollowerMessage message;
  EnvSpecMessage env = MakeEnv();
  EnvFileInfo* const file = env.add_files();
  file->set_name("robot.xml");
  file->set_bytes(4);
  file->set_sha256(Sha256("<a/>"));
  const auto enter = [&](uint32_t pid) {
    FollowerMessage first =
        MakeFirst(RUN_ROLE_ACTOR, hub.Join(MakeJoin(RUN_ROLE_ACTOR, pid))->seat());
    *first.mutable_env() = env;
    return *hub.Open(first);
  };
  FollowerCursor a = enter(1), b = enter(2);
  EXPECT_FALSE(News(&hub, &a).send_env_files);
  hub.AskForEnvFiles();
  EXPECT_TRUE(News(&hub, &a).send_env_files);
  EXPECT_FALSE(News(&hub, &b).send_env_files);
  hub.Close(a, /*leaving=*/false);
  EXPECT_TRUE(News(&hub, &b).send_env_files);
  message.mutable_env_file()->set_data("<a/>");
  ASSERT_OK(hub.OnReport(b, message));
  const std::optional<EnvRecord> kept = hub.TakeEnvFiles();
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->files, std::vector<std::string>{"<a/>"});
  EXPECT_FALSE(hub.TakeEnvFiles().has_value());
}

TEST(RunHubTest, AnEnvSpecThatMakesNoSenseIsRefused) {
  RunHub hub(HubOptions());
  const auto joined = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 1));
  FollowerMessage first = MakeFirst(RUN_ROLE_ACTOR, joined->seat());
  first.mutable_env()->add_action_low(0.0);
  EXPECT_THAT(hub.Open(first), IsInvalid("the env spec is incomplete"));
}

TEST(RunHubTest, AReplayShardNeedsNoEnvSpecAndIsListed) {
  RunHub hub(HubOptions());
  EXPECT_EQ(hub.shards()[0].joins, 0u);
  JoinRequest request = MakeJoin(RUN_ROLE_REPLAY, 1);
  request.mutable_process()->set_listen_address("unix:/tmp/r");
  const auto joined = hub.Join(request);
  FollowerMessage first = MakeFirst(RUN_ROLE_REPLAY, joined->seat());
  first.clear_env();
  ASSERT_OK(hub.Open(first));
  EXPECT_EQ(hub.shards()[0].address, "unix:/tmp/r");
  EXPECT_TRUE(hub.shards()[0].connected);
  EXPECT_FALSE(hub.env().has_value());
}

TEST(RunHubTest, TheNewestVersionSeenIsWhatActorsOrTheTableHold) {
  RunHub hub(HubOptions());
  hub.PublishSnapshot(MakeVersion(9));
  const FollowerCursor actor = Enter(&hub, 1), shard = Enter(&hub, 2, RUN_ROLE_REPLAY);
  FollowerMessage report;
  report.set_policy_version(5);
  ASSERT_OK(hub.OnReport(actor, report));
  EXPECT_EQ(hub.NewestVersionSeen(), 5u);
  FollowerMessage table;
  table.mutable_table()->set_newest_version(9);
  ASSERT_OK(hub.OnReport(shard, table));
  EXPECT_EQ(hub.NewestVersionSeen(), 9u);
  // A row that lies is no fault of the shard's: its counts are taken, that version is not.
  table.mutable_table()->set_newest_version(4294967295u);
  const auto taken = hub.OnReport(shard, table);
  ASSERT_OK(taken);
  EXPECT_TRUE(*taken);
  EXPECT_EQ(hub.NewestVersionSeen(), 9u);
}

TEST(RunHubTest, FinishTellsEverybodyWaitsForThemAndClosesTheDoor) {
  RunHub hub(HubOptions());
  hub.Publish(Round(1));
  FollowerCursor cursor = Enter(&hub, 1);
  News(&hub, &cursor);
  std::thread leaver([&] {
    const auto news = hub.WaitNews(&cursor, seconds(10));
    EXPECT_EQ(news->directive->state(), DirectiveMessage::FINISHED);
    hub.Close(cursor, /*leaving=*/true);
  });
  hub.Finish(seconds(10));
  leaver.join();
  const auto late = hub.Join(MakeJoin(RUN_ROLE_ACTOR, 2));
  ASSERT_OK(late);
  EXPECT_TRUE(late->finished());
  EXPECT_FALSE(late->has_seat());
}

TEST(RunHubTest, StatusListsTheMembers) {
  RunHub hub(HubOptions());
  RunStatus status;
  status.set_label("a run");
  hub.SetStatus(status);
  Enter(&hub, 1);
  EXPECT_EQ(hub.Status().label(), "a run");
  ASSERT_EQ(hub.Status().members_size(), 1);
  EXPECT_TRUE(hub.Status().members(0).connected());
}

// Each time anew: the learner's loop may be busy for longer than that.
TEST(RunHubTest, StatusNamesAnActorThatHasSaidNothingForFourSeconds) {
  FakeClock clock;
  RunHubOptions options = HubOptions();
  options.clock = &clock;
  RunHub hub(options);
  Enter(&hub, 1);
  clock.Advance(milliseconds(3'900));
  EXPECT_EQ(hub.Status().verdict().silent_actors_size(), 0);
  clock.Advance(milliseconds(1'000));
  EXPECT_EQ(hub.Status().verdict().text(), "Actor 0 has said nothing for 5 s.");
}

}  // namespace
}  // namespace pmoe
