// The step loop allocates nothing: this program counts every operator new and every allocation of
// MuJoCo's.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "actor/actor.h"
#include "actor/env/env_list.h"
#include "mujoco/mujoco.h"
#include "tests/actor/actor_testing.h"
#include "tests/actor/env/rollout.h"
#include "tests/actor/policy_testing.h"

namespace {

std::atomic<int64_t> allocations = 0;

void* Allocate(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

void* AllocateForMujoco(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  constexpr size_t kAlign = 64;
  return std::aligned_alloc(kAlign, (size + kAlign - 1) / kAlign * kAlign);
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace pmoe {
namespace {

class AllocationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { mju_user_malloc = &AllocateForMujoco; }
  static void TearDownTestSuite() { mju_user_malloc = nullptr; }
};

TEST_F(AllocationTest, TheCounterCounts) {
  const int64_t before = allocations;
  delete new int(7);
  mju_free(mju_malloc(100));
  EXPECT_EQ(allocations - before, 2);
}

TEST_F(AllocationTest, NoEnvironmentAllocatesInStepOrReset) {
  for (const EnvInfo& info : ListEnvs()) {
    const auto env = MustMake(info.id, {{"max_episode_steps", "40"}});
    std::vector<double> obs(info.obs_dim), action(info.action_dim, 0.3);
    env->Reset(1, absl::MakeSpan(obs));
    const int64_t before = allocations;
    for (int step = 0; step < 100; ++step) {
      if (env->Step(action, absl::MakeSpan(obs)).done()) {
        env->Reset(std::nullopt, absl::MakeSpan(obs));
      }
    }
    EXPECT_EQ(allocations - before, 0) << info.id;
  }
}

class DiscardingWriter : public TransitionWriter {
 public:
  absl::Status Write(uint32_t, const Transition&) override { return absl::OkStatus(); }
  absl::Status EndRound(uint64_t) override { return absl::OkStatus(); }
  absl::Status Flush() override { return absl::OkStatus(); }
  void Cancel() override {}
  void SaveState(ByteWriter*) const override {}
  absl::Status LoadState(ByteReader*) override { return absl::OkStatus(); }
  bool AbandonEpisode(uint32_t) override { return false; }
};

// Allocations of a round of that many steps, in which no episode ends.
int64_t AllocationsOfRound(uint32_t steps) {
  std::vector<std::unique_ptr<Env>> envs;
  for (int i = 0; i < 8; ++i) envs.push_back(MustMake("HalfCheetah-v5"));
  const PolicySpec policy = PolicyFor(envs.front()->spec());
  Directive round;
  round.round = 1;
  round.steps_per_env = steps;
  round.snapshot = RandomSnapshot(policy, 1);
  ListedDirectives client;
  client.directives = {round};
  DiscardingWriter writer;
  Actor actor({}, std::move(envs), policy, &client, &writer);
  const int64_t before = allocations;
  EXPECT_TRUE(actor.Run().ok());
  return allocations - before;
}

TEST_F(AllocationTest, TheActorAllocatesNothingPerStep) {
  EXPECT_EQ(AllocationsOfRound(300), AllocationsOfRound(10));
}

}  // namespace
}  // namespace pmoe
