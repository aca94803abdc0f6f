// A minibatch allocates nothing once the first has passed. The count is of operator new, which this
// binary replaces: hence a binary of its own.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <numeric>
#include <vector>

#include "tests/learner/ppo/fast_ppo_testing.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  return std::malloc(size);
}
void* operator new(size_t size, std::align_val_t align) {
  ++allocations;
  const size_t line = static_cast<size_t>(align);
  return std::aligned_alloc(line, (size + line - 1) / line * line);
}
// g++ looks at one side alone where it inlines it: at -O1 a false alarm.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace pmoe {
namespace {

class FastPpoMemoryTest : public ::testing::TestWithParam<StepCase> {};

TEST_P(FastPpoMemoryTest, AMinibatchAllocatesNothing) {
  const PpoOptions options = StepOptions(GetParam());
  const PolicySpec spec = StepPolicy(GetParam());
  PpoUpdate maker(options, spec, at::kCPU);
  PpoState state(options, spec, at::kCPU);
  FastPpoStep<float> step(options, spec, &state);
  const PpoBatch batch = RandomBatch(maker, spec.primitives, 1);
  std::vector<int> component;
  const PpoRows<float> rows = RowsOfBatch<float>(batch, &component);
  std::vector<int64_t> order(kStepRows);
  std::iota(order.begin(), order.end(), 0);
  Rng noise(1, RngRole::kLearnerRouter, 0);
  std::vector<double> losses(kPpoLosses, 0.0), mixture(PpoStatNames(spec.primitives).size(), 0.0);
  const auto learn = [&](bool last_epoch) {
    step.Step(rows, order.data(), {0.0, last_epoch, &noise}, losses.data(), mixture.data());
  };
  learn(false);
  const int64_t before = allocations;
  for (int i = 0; i < 3; ++i) learn(i > 0);
  EXPECT_EQ(allocations - before, 0);
  EXPECT_GT(before, 0);  // the count counts
}

INSTANTIATE_TEST_SUITE_P(Cases, FastPpoMemoryTest,
                         ::testing::Values(StepCase{"ppo"},
                                           StepCase{"pmoe_ppo", HeadType::kMixture, 8},
                                           StepCase{"gating_ppo", HeadType::kGating, 3},
                                           StepCase{"mcp_ppo", HeadType::kMcp, 3},
                                           StepCase{"gumbel_ppo", HeadType::kMixture, 4,
                                                    [](PpoOptions* o) {
                                                      o->ratio = RatioOf::kGumbel;
                                                      o->frequency_loss = false;
                                                    }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace pmoe
