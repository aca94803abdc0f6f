// A fast update allocates nothing: this program counts every operator new, LibTorch's too.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "learner/sac/sac_learner.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace {

std::atomic<int64_t> allocations = 0;

void* Allocate(size_t size, size_t align) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::aligned_alloc(align, (size + align) / align * align);
  if (memory == nullptr) std::abort();
  return memory;
}

constexpr size_t kAlign = alignof(std::max_align_t);

}  // namespace

void* operator new(size_t size) { return Allocate(size, kAlign); }
void* operator new[](size_t size) { return Allocate(size, kAlign); }
void* operator new(size_t size, std::align_val_t align) {
  return Allocate(size, static_cast<size_t>(align));
}
// g++ looks at one side alone where it inlines it: at -O1 a false alarm.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace pmoe {
namespace {

constexpr int kObs = 7, kActions = 3, kWarmUpdates = 3, kUpdates = 20;

struct Variant {
  const char* name;
  void (*change)(SacOptions* options);
};

class SacAllocationTest : public ::testing::TestWithParam<std::tuple<Variant, int, int>> {};

TEST(SacAllocationTest, TheCounterCounts) {
  const int64_t before = allocations;
  ::operator delete(::operator new(sizeof(int)));  // new and delete may be left out together
  EXPECT_EQ(allocations - before, 1);
}

TEST_P(SacAllocationTest, NoFastUpdateAllocates) {
  const auto& [variant, primitives, threads] = GetParam();
  SacOptions options = TestSacOptions();
  options.batch_size = 40;
  options.critic_hidden = {32, 32};
  options.threads = threads;
  variant.change(&options);
  PolicyOptions policy;
  policy.obs_dim = kObs;
  policy.primitives = primitives;
  policy.action_low.assign(kActions, -1.0);
  policy.action_high.assign(kActions, 1.0);
  policy.head = HeadType::kMixture;
  policy.hidden = {32, 32};
  SacLearner learner(options, MakePolicySpec(policy), at::kCPU);
  Rng rng(9, RngRole::kReplay, 0);
  Minibatch batch({.obs_dim = kObs, .action_dim = kActions}, options.batch_size);
  FillRandom(&rng, &batch);
  for (int i = 0; i < kWarmUpdates; ++i) EXPECT_OK(learner.Update(&batch));
  const int64_t before = allocations;
  bool ok = true;  // a matcher would allocate
  for (int i = 0; i < kUpdates; ++i) ok = ok && learner.Update(&batch).ok();
  EXPECT_TRUE(ok);
  EXPECT_EQ(allocations - before, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Variants, SacAllocationTest,
    ::testing::Combine(::testing::Values(Variant{"max", [](SacOptions*) {}},
                                         Variant{"all",
                                                 [](SacOptions* o) {
                                                   o->primitive_backprop = PrimitiveBackprop::kAll;
                                                   o->tune_alpha = true;
                                                 }},
                                         Variant{"marginal",
                                                 [](SacOptions* o) {
                                                   o->estimator = Estimator::kMarginal;
                                                   o->entropy = EntropyOf::kMixture;
                                                   o->target = TargetOver::kExpected;
                                                 }},
                                         Variant{"modern",
                                                 [](SacOptions* o) {
                                                   o->quantiles = 25;
                                                   o->dropped_quantiles = 2;
                                                   o->quantile_critics = 2;
                                                   o->critic_norm = CriticNorm::kLayer;
                                                   o->target = TargetOver::kExpected;
                                                 }},
                                         Variant{"reinforce",
                                                 [](SacOptions* o) {
                                                   o->estimator = Estimator::kReinforce;
                                                   o->target_policy = true;
                                                 }}),
                       ::testing::Values(1, 4), ::testing::Values(1, 3)),
    [](const auto& info) {
      return std::string(std::get<0>(info.param).name) + "_k" +
             std::to_string(std::get<1>(info.param)) + "_threads" +
             std::to_string(std::get<2>(info.param));
    });

}  // namespace
}  // namespace pmoe
