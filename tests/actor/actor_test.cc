// The actor on a real environment, with directives from a list and rows into a list.
// E environments, O obs_dim, A action_dim.
#include "actor/actor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <fstream>

#include "actor/evaluator.h"
#include "tests/actor/actor_testing.h"
#include "tests/actor/policy_testing.h"
#include "tests/testing/paths.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr int kEnvs = 3;

struct ActorRun {
  explicit ActorRun(std::deque<Directive> directives, ActorOptions options = {}) {
    client.directives = std::move(directives);
    std::vector<std::unique_ptr<Env>> envs;
    for (int e = 0; e < kEnvs; ++e) envs.push_back(MakeCheetah());
    actor = std::make_unique<Actor>(options, std::move(envs), CheetahPolicy(), &client, &writer);
  }

  ListedDirectives client;
  RecordingWriter writer;
  std::unique_ptr<Actor> actor;
};

TEST(ActorTest, StepsFreelyUntilTheNextDirective) {
  Directive freely = Round(0, 0, 1);
  freely.until_next = true;
  ActorRun run({freely});
  run.client.patience = 50;
  ASSERT_OK(run.actor->Run());
  EXPECT_GT(run.writer.rows.size(), 40u * kEnvs);
  EXPECT_TRUE(run.writer.rounds.empty());
  ASSERT_FALSE(run.client.reports.empty());
  EXPECT_EQ(run.client.reports[0].env_steps, run.writer.rows.size());
}

TEST(ActorTest, RestoresItsPartAndTheWritersWhenTold) {
  ActorRun first({Round(0, 10, 1)});
  ASSERT_OK(first.actor->Run());
  Directive restore;
  restore.restore = std::make_shared<const std::vector<std::string>>(
      std::vector<std::string>{first.actor->SaveState()});
  ActorRun second({restore, Round(1, 10, 1)});
  ASSERT_OK(second.actor->Run());
  EXPECT_EQ(second.writer.restored_rows, first.writer.rows.size());
  // It goes on in the middle of the episode: the next observation is the one the first ended with.
  EXPECT_EQ(second.writer.rows[0].obs,
            first.writer.rows[first.writer.rows.size() - kEnvs].next_obs);
}

std::deque<Directive> ThreeRounds() { return {Round(0, 10, 0), Round(1, 20, 1), Round(2, 30, 2)}; }

TEST(ActorTest, EveryRowCarriesTheVersionThatActed) {
  ActorRun run(ThreeRounds());
  ASSERT_OK(run.actor->Run());
  ASSERT_EQ(run.writer.rows.size(), 60u * kEnvs);
  for (size_t i = 0; i < run.writer.rows.size(); ++i) {
    const size_t step = i / kEnvs;
    EXPECT_EQ(run.writer.rows[i].env, i % kEnvs);
    EXPECT_EQ(run.writer.rows[i].version, step < 10 ? 0u : step < 30 ? 1u : 2u);
    for (const float a : run.writer.rows[i].action) EXPECT_LE(std::abs(a), 1.0f);
  }
  EXPECT_EQ(run.writer.rounds, (std::vector<uint64_t>{0, 1, 2}));
}

TEST(ActorTest, WarmsUpUniformlyEvenWhereASnapshotExists) {
  Directive uniform = Round(0, 5, 1);
  uniform.act_uniform = true;
  ActorRun run({uniform});
  ASSERT_OK(run.actor->Run());
  for (const Row& row : run.writer.rows) EXPECT_EQ(row.version, 0u);
}

TEST(ActorTest, ObservationsChainUntilTheEpisodeEnds) {
  ActorRun run(ThreeRounds());
  ASSERT_OK(run.actor->Run());
  const std::vector<Row>& rows = run.writer.rows;
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t step = i / kEnvs;
    EXPECT_FALSE(rows[i].terminated);
    EXPECT_EQ(rows[i].truncated, (step + 1) % kEpisodeSteps == 0);
    if (i + kEnvs >= rows.size()) continue;
    // After an end comes a fresh reset, else the successor.
    EXPECT_EQ(rows[i].next_obs == rows[i + kEnvs].obs, !rows[i].truncated);
  }
}

TEST(ActorTest, ReportsEpisodesInTheRoundInWhichTheyEnd) {
  ActorRun run(ThreeRounds());
  ASSERT_OK(run.actor->Run());
  ASSERT_EQ(run.client.reports.size(), 3u);
  const size_t ended[] = {0, kEnvs, kEnvs};  // at steps 25 and 50 of 60
  std::vector<double> returns(kEnvs, 0.0);
  for (size_t i = 0; i < 25 * kEnvs; ++i) returns[i % kEnvs] += run.writer.rows[i].reward;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(run.client.reports[round].round, static_cast<uint64_t>(round));
    ASSERT_EQ(run.client.reports[round].episodes.size(), ended[round]);
    for (const EpisodeResult& episode : run.client.reports[round].episodes) {
      EXPECT_EQ(episode.length, static_cast<uint32_t>(kEpisodeSteps));
    }
  }
  for (int e = 0; e < kEnvs; ++e) {
    EXPECT_NEAR(run.client.reports[1].episodes[e].episode_return, returns[e], 1e-4);
  }
}

TEST(ActorTest, TheSameSeedGivesTheSameRowsAndAnotherActorOthers) {
  ActorRun a(ThreeRounds()), b(ThreeRounds());
  ActorRun other(ThreeRounds(), {.index = 1}), restarted(ThreeRounds(), {.epoch = 1});
  for (ActorRun* run : {&a, &b, &other, &restarted}) ASSERT_OK(run->actor->Run());
  EXPECT_EQ(a.writer.rows, b.writer.rows);
  EXPECT_NE(a.writer.rows[0].action, other.writer.rows[0].action);
  EXPECT_NE(a.writer.rows[0].obs, other.writer.rows[0].obs);
  EXPECT_NE(a.writer.rows[0].action, restarted.writer.rows[0].action);
}

TEST(ActorTest, EnvironmentsHaveStreamsOfTheirOwn) {
  ActorRun run({Round(0, 1, 0)});
  ASSERT_OK(run.actor->Run());
  EXPECT_NE(run.writer.rows[0].obs, run.writer.rows[1].obs);
  EXPECT_NE(run.writer.rows[0].action, run.writer.rows[1].action);
}

// Interrupted in the middle of an episode (17) and right after its last step (25).
TEST(ActorTest, ContinuesBitForBitFromItsState) {
  for (const uint32_t first : {17u, 25u}) {
    Directive checkpoint;
    checkpoint.round = 1;
    checkpoint.checkpoint = true;
    ActorRun straight({Round(0, first, 1), Round(2, 40, 2)});
    ActorRun begun({Round(0, first, 1), checkpoint});
    ActorRun continued({Round(2, 40, 2)});
    ASSERT_OK(straight.actor->Run());
    ASSERT_OK(begun.actor->Run());
    ASSERT_OK(continued.actor->LoadState(begun.client.reports.back().checkpoint_part));
    ASSERT_OK(continued.actor->Run());
    std::vector<Row> rows = begun.writer.rows;
    rows.insert(rows.end(), continued.writer.rows.begin(), continued.writer.rows.end());
    EXPECT_EQ(rows, straight.writer.rows);
    EXPECT_TRUE(continued.actor->SaveState() == straight.actor->SaveState());
  }
}

// As a cluster's learner asks with every round.
TEST(ActorTest, ARoundsReportBringsTheStateAfterItsSteps) {
  Directive round = Round(0, 17, 1);
  round.checkpoint = true;
  ActorRun run({round});
  ASSERT_OK(run.actor->Run());
  ASSERT_EQ(run.client.reports.size(), 1u);
  EXPECT_EQ(run.client.reports[0].env_steps, 17u * kEnvs);
  EXPECT_TRUE(run.client.reports[0].checkpoint_part == run.actor->SaveState());
}

// Nothing to restore, though there should be: a checkpoint of fewer actors.
TEST(ActorTest, ADirectiveThatAsksForNothingIsARoundWithoutSteps) {
  ActorRun run({Round(3, 0, 1)});
  ASSERT_OK(run.actor->Run());
  EXPECT_TRUE(run.writer.rows.empty());
  EXPECT_EQ(run.writer.rounds, std::vector<uint64_t>{3});
}

TEST(ActorTest, RefusesEveryTruncationOfItsState) {
  ActorRun run({Round(0, 3, 0)}), other({});
  ASSERT_OK(run.actor->Run());
  const std::string state = run.actor->SaveState();
  for (size_t size = 0; size < state.size(); size += 7) {
    EXPECT_FALSE(other.actor->LoadState(state.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(other.actor->LoadState(state + "x").ok());
  EXPECT_OK(other.actor->LoadState(state));
}

TEST(ActorTest, EndsWithTheFirstError) {
  ActorRun full(ThreeRounds());
  full.writer.rows_max = 5;
  EXPECT_THAT(full.actor->Run(), FailsWith(absl::StatusCode::kUnavailable, "replay is gone"));
  EXPECT_EQ(full.writer.rows.size(), 6u);
  EXPECT_TRUE(full.client.reports.empty());
}

// A motor so strong that the simulation breaks down within a few steps.
class BreakingDownTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(dir_.File("strong.xml")) << R"(
      <mujoco><worldbody><body><joint name="hinge" type="hinge"/>
        <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.04"/></body></worldbody>
      <actuator><motor joint="hinge" ctrlrange="-1 1" gear="1e9"/></actuator></mujoco>)";
    std::ofstream(dir_.File("strong.textproto")) << R"(
      model: "./strong.xml"
      max_episode_steps: 50
      observation { slice { array: QPOS } }
      observation { slice { array: QVEL } }
      reward { value { slice { array: QVEL } } })";
  }
  std::unique_ptr<Env> Make() { return *MakeEnv("mjcf:" + dir_.File("strong.textproto"), {}, ""); }

  TempDir dir_;
};

TEST_F(BreakingDownTest, EndsTheEpisodeAsTruncatedAndCountsIt) {
  std::vector<std::unique_ptr<Env>> envs;
  envs.push_back(Make());
  const PolicySpec policy = PolicyFor(envs.front()->spec());
  ListedDirectives client;
  client.directives = {Round(1, 200, 0)};
  RecordingWriter writer;
  Actor actor({}, std::move(envs), policy, &client, &writer);
  ASSERT_OK(actor.Run());
  uint32_t diverged = 0;
  for (const EpisodeResult& episode : client.reports.back().episodes) diverged += episode.diverged;
  EXPECT_GT(diverged, 3u);
  uint32_t cut = 0;
  for (const Row& row : writer.rows) {
    for (const float x : row.next_obs) ASSERT_TRUE(std::isfinite(x));
    ASSERT_TRUE(std::isfinite(row.reward));
    EXPECT_FALSE(row.terminated);
    if (row.truncated && row.next_obs == row.obs) ++cut;
  }
  EXPECT_EQ(cut, diverged);
}

TEST_F(BreakingDownTest, EndsTheEvaluationsEpisodeToo) {
  const PolicySpec policy = PolicyFor(Make()->spec());
  const auto evaluator = Evaluator::Create(
      {.episodes = 2}, policy, [this]() -> absl::StatusOr<std::unique_ptr<Env>> { return Make(); });
  const auto result = (*evaluator)->Run(RandomSnapshot(policy, 1), 7, [] { return false; });
  ASSERT_OK(result);
  EXPECT_LT(result->length_mean, 50);
}

std::unique_ptr<Env> MakeMoody(const std::map<std::string, std::string>& args) {
  return *MakeEnv("plugin:" + Binary("moody_plugin.so"), args, "");
}

// One that fails by itself, for 40 steps.
ActorReport ReportOfMoody(const std::map<std::string, std::string>& args, RecordingWriter* writer) {
  std::vector<std::unique_ptr<Env>> envs;
  envs.push_back(MakeMoody(args));
  const PolicySpec policy = PolicyFor(envs.front()->spec());
  ListedDirectives client;
  client.directives = {Round(1, 40, 0)};
  Actor actor({}, std::move(envs), policy, &client, writer);
  EXPECT_OK(actor.Run());
  return client.reports.back();
}

TEST(FailingEnvTest, AStepThatFailsEndsItsEpisodeAndIsReportedWithItsReason) {
  RecordingWriter writer;
  const ActorReport report = ReportOfMoody({{"fail_step", "10"}}, &writer);
  EXPECT_EQ(report.env_errors, 4u);
  EXPECT_NE(report.env_error.find("step 10 has had enough"), std::string::npos);
  ASSERT_EQ(report.episodes.size(), 4u);
  EXPECT_EQ(report.episodes[0].diverged, 1u);
  for (const Row& row : writer.rows) EXPECT_TRUE(std::isfinite(row.next_obs[0]));
  EXPECT_TRUE(writer.rows[9].truncated);
}

TEST(FailingEnvTest, AResetThatFailsIsTriedWithTheNextSeed) {
  RecordingWriter writer;
  const ActorReport report = ReportOfMoody({{"fail_reset", "1"}, {"fail_step", "2"}}, &writer);
  EXPECT_GT(report.env_errors, 20u);  // 20 steps, and odd seeds
  EXPECT_EQ(writer.rows.size(), 40u);
}

TEST(FailingEnvTest, AnEvaluationEndsWithItOrOutlivesIt) {
  const auto make = []() -> absl::StatusOr<std::unique_ptr<Env>> {
    return MakeMoody({{"fail_step", "5"}});
  };
  const PolicySpec policy = PolicyFor((*make())->spec());
  for (const bool outlives : {false, true}) {
    const auto evaluator =
        Evaluator::Create({.episodes = 2, .outlives_errors = outlives}, policy, make);
    const auto result = (*evaluator)->Run(RandomSnapshot(policy, 1), 7, [] { return false; });
    EXPECT_EQ(result.ok(), outlives) << result.status();
    if (outlives) {  // each of its episodes failed, and none counts
      EXPECT_TRUE(result->returns.empty());
      EXPECT_EQ(result->return_mean, 0.0);
    }
  }
}

TEST(FailingEnvTest, WhatCannotBeSavedIsAbandonedByTheResumedActor) {
  std::string state;
  for (const bool resumed : {false, true}) {
    std::vector<std::unique_ptr<Env>> envs;
    envs.push_back(MakeMoody({}));
    const PolicySpec policy = PolicyFor(envs.front()->spec());
    ListedDirectives client;
    client.directives = {Round(1, 3, 0)};
    RecordingWriter writer;
    Actor actor({}, std::move(envs), policy, &client, &writer);
    if (resumed) {
      ASSERT_OK(actor.LoadState(state));
    }
    EXPECT_EQ(writer.abandoned.size(), resumed ? 1u : 0u);
    ASSERT_OK(actor.Run());
    EXPECT_EQ(writer.rows[0].obs[0], 0.0f);  // an episode's start
    state = actor.SaveState();
  }
}

// Half of these starts are beyond float32.
std::unique_ptr<Env> MakeUnsoundStarts() {
  return *MakeEnv("InvertedPendulum-v5", {{"reset_noise_scale", "4e38"}}, "");
}

TEST(UnsoundStartTest, ReachesNeitherReplayNorAPolicy) {
  std::vector<std::unique_ptr<Env>> envs;
  envs.push_back(MakeUnsoundStarts());
  const PolicySpec policy = PolicyFor(envs.front()->spec());
  ListedDirectives client;
  client.directives = {Round(1, 50, 0)};
  RecordingWriter writer;
  Actor actor({}, std::move(envs), policy, &client, &writer);
  ASSERT_OK(actor.Run());
  ASSERT_EQ(writer.rows.size(), 50u);
  for (const Row& row : writer.rows) {
    for (const float x : row.obs) ASSERT_TRUE(std::isfinite(x));
  }
}

TEST(UnsoundStartTest, IsPlayedByNoEvaluation) {
  const PolicySpec policy = PolicyFor(MakeUnsoundStarts()->spec());
  const auto evaluator = Evaluator::Create(
      {.episodes = 20}, policy,
      []() -> absl::StatusOr<std::unique_ptr<Env>> { return MakeUnsoundStarts(); });
  (*evaluator)->Observe([](const EvaluatedStep& step) {
    for (const float x : step.obs) ASSERT_TRUE(std::isfinite(x));
  });
  EXPECT_OK((*evaluator)->Run(RandomSnapshot(policy, 1), 7, [] { return false; }));
}

TEST(ActorTest, FollowsNoDirectiveAfterTheRunIsFinished) {
  Directive finished;
  finished.state = RunState::kFinished;
  ActorRun run({Round(0, 2, 0), finished, Round(1, 2, 0)});
  ASSERT_OK(run.actor->Run());
  EXPECT_EQ(run.writer.rows.size(), 2u * kEnvs);
}

TEST(ActorTest, RefusesASnapshotOfAnotherArchitecture) {
  auto other = std::make_shared<PolicySnapshot>(*CheetahSnapshot(1));
  other->spec.layers[0].activation = Activation::kTanh;
  Directive directive = Round(0, 1, 1);
  directive.snapshot = other;
  ActorRun run({directive});
  EXPECT_THAT(run.actor->Run(), FailsWith(absl::StatusCode::kFailedPrecondition, "architecture"));
}

}  // namespace
}  // namespace pmoe
