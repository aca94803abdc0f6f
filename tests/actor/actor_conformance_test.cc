// What an actor writes against Gymnasium: episodes of several environments side by side, chosen by
// a policy in batches, must be those of Gymnasium, rounded to the float32 that is stored.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "actor/actor.h"
#include "actor/env/env_list.h"
#include "actor/policy_network.h"
#include "common/base/file.h"
#include "tests/actor/actor_testing.h"
#include "tests/actor/env/oracle.h"
#include "tests/actor/env/rollout.h"
#include "tests/actor/policy_testing.h"

namespace pmoe {
namespace {

constexpr int kEnvs = 3;
constexpr int kSteps = 70;
constexpr char kLimit[] = "30";  // steps, so that episodes follow each other

// Rows of a round with a random policy, in the order written.
std::vector<Row> RunActor(const std::string& id, uint32_t index) {
  std::vector<std::unique_ptr<Env>> envs;
  for (int e = 0; e < kEnvs; ++e) {
    envs.push_back(MustMake(id, {{"max_episode_steps", kLimit}}));
  }
  const PolicySpec policy = PolicyFor(envs.front()->spec());
  Directive round;
  round.round = 1;
  round.steps_per_env = kSteps;
  round.snapshot = RandomSnapshot(policy, 1);
  ListedDirectives client;
  client.directives = {round};
  RecordingWriter writer;
  Actor actor({.index = index}, std::move(envs), policy, &client, &writer);
  EXPECT_TRUE(actor.Run().ok());
  return std::move(writer.rows);
}

// One environment's rows as gymnasium_replay.py wants them. `actor` tells the seeds of the resets.
std::vector<double> Instructions(const std::vector<Row>& rows, uint32_t env, uint32_t index,
                                 const PolicySpec& policy) {
  Rng seeds(ActorOptions{}.seed, RngRole::kActorReset, index, ActorOptions{}.epoch, env);
  std::vector<double> scaled(policy.action_dim);
  std::vector<double> out;
  bool running = false;
  for (const Row& row : rows) {
    if (row.env != env) continue;
    if (!running) {
      out.push_back(seeds.NextU32());
      out.resize(out.size() + scaled.size());
    }
    ScaleAction(policy, row.action, absl::MakeSpan(scaled));
    out.push_back(-1);
    out.insert(out.end(), scaled.begin(), scaled.end());
    running = !row.terminated && !row.truncated;
  }
  return out;
}

std::vector<double> Gymnasium(const std::string& id, const std::vector<double>& instructions) {
  const std::string base = absl::StrCat(::testing::TempDir(), "/actor_", id, "_", getpid());
  const absl::string_view bytes(reinterpret_cast<const char*>(instructions.data()),
                                instructions.size() * sizeof(double));
  EXPECT_TRUE(WriteFileAtomic(base + ".in", bytes).ok());
  RunOracle("gymnasium_replay.py",
            {base + ".out", id, base + ".in", absl::StrCat("max_episode_steps=", kLimit)});
  const absl::StatusOr<std::string> result = ReadFile(base + ".out");
  std::filesystem::remove(base + ".in");
  std::filesystem::remove(base + ".out");
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    return {};
  }
  std::vector<double> numbers(result->size() / sizeof(double));
  std::memcpy(numbers.data(), result->data(), result->size());
  return numbers;
}

std::vector<float> Rounded(const double* begin, size_t n) { return {begin, begin + n}; }

class ActorConformanceTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ActorConformanceTest, BatchedRowsAreGymnasiumsEpisodes) {
  const std::vector<Row> rows = RunActor(GetParam(), 2);
  ASSERT_EQ(rows.size(), static_cast<size_t>(kEnvs * kSteps));
  const PolicySpec policy = PolicyFor(MustMake(GetParam())->spec());
  const size_t obs_dim = policy.obs_dim;
  for (uint32_t env = 0; env < kEnvs; ++env) {
    const std::vector<double> wanted = Gymnasium(GetParam(), Instructions(rows, env, 2, policy));
    const double* next = wanted.data();
    bool running = false;
    for (const Row& row : rows) {
      if (row.env != env) continue;
      ASSERT_LT(next, wanted.data() + wanted.size());
      if (!running) {
        ASSERT_EQ(row.obs, Rounded(next, obs_dim));
        next += obs_dim + 3;
      }
      ASSERT_EQ(row.next_obs, Rounded(next, obs_dim));
      ASSERT_EQ(row.reward, static_cast<float>(next[obs_dim]));
      ASSERT_EQ(row.terminated, next[obs_dim + 1] != 0);
      ASSERT_EQ(row.truncated, next[obs_dim + 2] != 0);
      next += obs_dim + 3;
      running = !row.terminated && !row.truncated;
    }
    EXPECT_EQ(next, wanted.data() + wanted.size());
  }
}

TEST_P(ActorConformanceTest, ThreadsWriteWhatOneThreadWrites) {
  std::vector<std::vector<Row>> together(3);
  {
    std::vector<std::jthread> threads;
    for (uint32_t i = 0; i < together.size(); ++i) {
      threads.emplace_back([&, i] { together[i] = RunActor(GetParam(), i); });
    }
  }
  for (uint32_t i = 0; i < together.size(); ++i) EXPECT_EQ(together[i], RunActor(GetParam(), i));
}

// What Gymnasium has itself.
std::vector<std::string> Ids() {
  std::vector<std::string> ids;
  for (const EnvInfo& info : ListEnvs()) {
    if (absl::EndsWith(info.id, "-v5") || absl::EndsWith(info.id, "-v4")) ids.push_back(info.id);
  }
  return ids;
}

INSTANTIATE_TEST_SUITE_P(EveryEnv, ActorConformanceTest, ::testing::ValuesIn(Ids()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace pmoe
