// The fast step of the SAC family against autograd on the same networks, minibatches and noise: in
// double to 1e-9, in float to 1e-4, over every option; the same bits with any number of threads.
// Autograd runs on PMOE_TEST_DEVICE; that it never reads from a device is tested on "meta".
// M members, B batch, K primitives, O obs_dim, A action_dim.
#include "learner/sac/fast_sac_step.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ATen/TensorOperators.h"
#include "c10/util/Exception.h"
#include "learner/sac/sac_learner.h"
#include "learner/sac/sac_stats.h"
#include "learner/sac/sac_update.h"
#include "tests/learner/meta_device.h"
#include "tests/learner/sac/sac_variants.h"
#include "tests/learner/test_device.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

constexpr int kObs = 5, kActions = kVariantActions, kBatch = 37;

// A minibatch and noise for each step, as tensors of one type and as pointers into them.
struct Inputs {
  Inputs(int members, int primitives, uint32_t stream, at::ScalarType type, int rows = kBatch,
         bool weighted = false) {
    Rng rng(4, RngRole::kReplay, stream);
    const auto normal = [&](at::IntArrayRef shape) { return NormalTensor(shape, &rng).to(type); };
    const auto uniform = [&](at::IntArrayRef shape) { return UniformTensor(shape, &rng).to(type); };
    batch = {normal({members, rows, kObs}), uniform({members, rows, kActions}) * 2.0 - 1.0,
             normal({members, rows}), uniform({members, rows}), normal({members, rows, kObs})};
    noise.next_eps = normal({members, rows, primitives, kActions});
    noise.next_primitive = uniform({members, rows});
    noise.policy.eps = normal({members, rows, primitives, kActions});
    noise.policy.primitive = uniform({members, rows});
    noise.policy.gumbel = normal({members, rows, primitives});
    noise.policy.gumbel_tau = 0.7;
    if (weighted) batch.weight = uniform({members, rows});
  }
  SacBatch BatchOn(const at::Device& device) const {
    SacBatch there = {batch.obs.to(device), batch.action.to(device), batch.reward.to(device),
                      batch.discount.to(device), batch.next_obs.to(device)};
    if (batch.weight.defined()) there.weight = batch.weight.to(device);
    return there;
  }
  SacNoise NoiseOn(const at::Device& device) const {
    return {noise.next_eps.to(device),
            noise.next_primitive.to(device),
            {noise.policy.eps.to(device), noise.policy.primitive.to(device),
             noise.policy.gumbel.to(device), noise.policy.gumbel_tau}};
  }
  template <typename T>
  SacRows<T> rows() const {
    return {batch.obs.data_ptr<T>(),
            batch.action.data_ptr<T>(),
            batch.reward.data_ptr<T>(),
            batch.discount.data_ptr<T>(),
            batch.next_obs.data_ptr<T>(),
            false,
            batch.weight.defined() ? batch.weight.data_ptr<T>() : nullptr};
  }
  template <typename T>
  SacRowNoise<T> row_noise() const {
    return {noise.next_eps.data_ptr<T>(),      noise.next_primitive.data_ptr<T>(),
            noise.policy.eps.data_ptr<T>(),    noise.policy.primitive.data_ptr<T>(),
            noise.policy.gumbel.data_ptr<T>(), noise.policy.gumbel_tau};
  }

  SacBatch batch;
  SacNoise noise;
};

struct Setting {
  SacOptions options = TestSacOptions();
  PolicySpec spec;
};

Setting MakeSetting(const Variant& variant, int primitives) {
  Setting setting;
  setting.options.batch_size = kBatch;
  setting.options.critic_hidden = {24, 33};
  PolicyOptions policy;
  policy.obs_dim = kObs;
  policy.action_low.assign(kActions, -0.4);
  policy.action_high.assign(kActions, 0.4);
  policy.hidden = {40, 18};
  policy.primitives = primitives;
  policy.head = HeadType::kMixture;
  variant.change(&setting.options, &policy);
  if (policy.head == HeadType::kGaussian) policy.primitives = 1;
  setting.spec = MakePolicySpec(policy);
  return setting;
}

// Relative to the largest number of what is compared.
void ExpectNear(const at::Tensor& got, const at::Tensor& wanted_there, double tolerance,
                const std::string& what) {
  const at::Tensor wanted = wanted_there.cpu();
  EXPECT_LT(MaxAbs(got - wanted), tolerance * (1e-6 + MaxAbs(wanted))) << what;
}

void ExpectSameNets(SacNets* got, SacNets* wanted, double tolerance) {
  ExpectNear(got->actor.values(), wanted->actor.values(), tolerance, "actor");
  ExpectNear(got->critics.values(), wanted->critics.values(), tolerance, "critics");
  ExpectNear(got->targets.values(), wanted->targets.values(), tolerance, "targets");
  ExpectNear(got->log_alpha, wanted->log_alpha, tolerance, "log alpha");
  if (wanted->actor_target) {
    ExpectNear(got->actor_target->values(), wanted->actor_target->values(), tolerance, "target");
  }
}

// Moments show gradients, which Adam's first steps hide behind their sign.
void ExpectSameMoments(SacNets* got, SacNets* wanted, double tolerance) {
  ExpectNear(got->actor_optimizer.first(), wanted->actor_optimizer.first(), tolerance, "m actor");
  ExpectNear(got->actor_optimizer.second(), wanted->actor_optimizer.second(), tolerance, "v actor");
  ExpectNear(got->critic_optimizer.first(), wanted->critic_optimizer.first(), tolerance, "m q");
  ExpectNear(got->critic_optimizer.second(), wanted->critic_optimizer.second(), tolerance, "v q");
}

template <typename T>
void ExpectSameStats(absl::Span<const T> got, const at::Tensor& wanted, int primitives,
                     double tolerance) {
  const std::vector<std::string> names = SacStatNames(primitives);
  ASSERT_EQ(got.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const double value = wanted[static_cast<int64_t>(i)].template item<double>();
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(got[i])) << names[i];
    } else {
      EXPECT_NEAR(got[i], value, tolerance * std::max(1.0, std::abs(value))) << names[i];
    }
  }
}

class FastSacStepTest : public ::testing::TestWithParam<std::tuple<Variant, int>> {
 protected:
  template <typename T>
  void Compare(at::ScalarType type, int steps, double tolerance, bool weighted = false) {
    const auto& [variant, primitives] = GetParam();
    const Setting setting = MakeSetting(variant, primitives);
    const int K = setting.spec.primitives;
    SacUpdate oracle(setting.options, setting.spec, TestDevice(), type);
    SacUpdate owner(setting.options, setting.spec, at::kCPU, type);
    ASSERT_TRUE(FastSacStep<T>::Supports(setting.options, setting.spec));
    FastSacStep<T> fast(setting.options, setting.spec, &owner.nets());
    for (int step = 0; step < steps; ++step) {
      const Inputs in(variant.members, setting.spec.components(), static_cast<uint32_t>(step), type,
                      kBatch, weighted);
      const at::Tensor wanted =
          oracle.Step(in.BatchOn(TestDevice()), in.NoiseOn(TestDevice())).cpu();
      ExpectSameStats<T>(fast.Step(in.rows<T>(), in.row_noise<T>()), wanted, K, tolerance);
      ASSERT_EQ(oracle.row_errors().defined(), weighted);
      if (!weighted) continue;
      const at::Tensor errors = oracle.row_errors().cpu().flatten();
      for (int64_t i = 0; i < errors.numel(); ++i) {
        const double error = errors[i].template item<double>();
        EXPECT_NEAR(fast.row_errors()[static_cast<size_t>(i)], error, tolerance * (1.0 + error));
      }
    }
    ExpectSameNets(&owner.nets(), &oracle.nets(), tolerance);
    ExpectSameMoments(&owner.nets(), &oracle.nets(), tolerance);
  }
};

TEST_P(FastSacStepTest, IsAutogradsInDouble) { Compare<double>(at::kDouble, 5, 1e-9); }
TEST_P(FastSacStepTest, IsAutogradsInFloatButForRounding) { Compare<float>(at::kFloat, 3, 1e-4); }

TEST_P(FastSacStepTest, OfWeightedRowsIsAutogradsInDouble) {
  Compare<double>(at::kDouble, 3, 1e-9, /*weighted=*/true);
}

INSTANTIATE_TEST_SUITE_P(Variants, FastSacStepTest,
                         ::testing::Combine(::testing::ValuesIn(kVariants),
                                            ::testing::Values(1, 2, 4, 10)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_k" +
                                  std::to_string(std::get<1>(info.param));
                         });

// See meta_device.h.
class SacOnMetaTest : public ::testing::TestWithParam<std::tuple<Variant, int>> {};

TEST_P(SacOnMetaTest, AStepReadsNothingFromTheDevice) {
  const auto& [variant, primitives] = GetParam();
  const Setting setting = MakeSetting(variant, primitives);
  SacUpdate update(setting.options, setting.spec, MetaDevice());
  const Inputs in(variant.members, setting.spec.components(), 0, at::kFloat);
  for (int step = 0; step < 2; ++step) {
    const at::Tensor stats = update.Step(in.BatchOn(MetaDevice()), in.NoiseOn(MetaDevice()));
    EXPECT_TRUE(stats.is_meta());
    EXPECT_EQ(stats.numel(), std::ssize(SacStatNames(setting.spec.primitives)));
  }
}

// Of the options that only autograd knows.
const Variant kMomentum = {"momentum", [](SacOptions* o, PolicyOptions*) { o->sgd = true; }};

INSTANTIATE_TEST_SUITE_P(Variants, SacOnMetaTest,
                         ::testing::Combine(::testing::ValuesIn(kVariants),
                                            ::testing::Values(1, 4)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_k" +
                                  std::to_string(std::get<1>(info.param));
                         });
INSTANTIATE_TEST_SUITE_P(Momentum, SacOnMetaTest,
                         ::testing::Combine(::testing::Values(kMomentum), ::testing::Values(4)));

// The one read that is left is beside the step: a loss that is not finite must end the run before
// its weights reach a snapshot or a checkpoint.
TEST(SacLearnerOnMetaTest, ReadsTheStatisticsOfEachUpdate) {
  Setting setting = MakeSetting(kVariants[0], 4);
  setting.options.step = UpdateStep::kAutograd;
  SacLearner learner(setting.options, setting.spec, MetaDevice());
  Minibatch batch(TableSpec{kObs, kActions, 0}, kBatch);
  Rng rng(4, RngRole::kReplay, 0);
  FillRandom(&rng, &batch);
  EXPECT_THROW((void)learner.Update(&batch), c10::NotImplementedError);
}

// Rounding grows: over 200 updates the two stay within a thousandth.
TEST(FastSacStepLongTest, StaysWithAutogradFor200Updates) {
  for (const Variant& variant :
       {kVariants[0], kVariants[1], kVariants[14], kQuantiles, kLayerNorm}) {
    const Setting setting = MakeSetting(variant, 4);
    SacUpdate oracle(setting.options, setting.spec, at::kCPU);
    SacUpdate owner(setting.options, setting.spec, at::kCPU);
    FastSacStep<float> fast(setting.options, setting.spec, &owner.nets());
    for (uint32_t step = 0; step < 200; ++step) {
      const Inputs in(1, setting.spec.primitives, step % 8, at::kFloat);
      oracle.Step(in.batch, in.noise);
      fast.Step(in.rows<float>(), in.row_noise<float>());
    }
    ExpectSameNets(&owner.nets(), &oracle.nets(), 1e-3);
  }
}

// One row, fewer than a product takes at once, more than a thread takes at once.
TEST(FastSacStepSizesTest, AnyBatchOnAnyThreadsIsAutograds) {
  for (const int rows : {1, 3, 131, 300}) {
    for (const int threads : {1, 2, 8}) {
      Setting setting = MakeSetting(kVariants[0], 3);
      setting.options.batch_size = rows;
      setting.options.threads = threads;
      SacUpdate oracle(setting.options, setting.spec, at::kCPU, at::kDouble);
      SacUpdate owner(setting.options, setting.spec, at::kCPU, at::kDouble);
      FastSacStep<double> fast(setting.options, setting.spec, &owner.nets());
      for (uint32_t step = 0; step < 2; ++step) {
        const Inputs in(1, 3, step, at::kDouble, rows, /*weighted=*/rows > 1);
        const at::Tensor wanted = oracle.Step(in.batch, in.noise);
        ExpectSameStats<double>(fast.Step(in.rows<double>(), in.row_noise<double>()), wanted, 3,
                                1e-9);
      }
      ExpectSameNets(&owner.nets(), &oracle.nets(), 1e-9);
    }
  }
}

TEST(FastSacStepThreadsTest, AnyNumberOfThreadsGivesTheSameBits) {
  for (const Variant& variant :
       {kVariants[0], kVariants[14], kVariants[27], kQuantiles, kLayerNorm, kTied}) {
    std::vector<std::string> states;
    for (const int threads : {1, 2, 3, 8}) {
      Setting setting = MakeSetting(variant, 4);
      setting.options.threads = threads;
      SacUpdate owner(setting.options, setting.spec, at::kCPU);
      FastSacStep<float> fast(setting.options, setting.spec, &owner.nets());
      for (uint32_t step = 0; step < 10; ++step) {
        const Inputs in(variant.members, 4, step, at::kFloat);
        fast.Step(in.rows<float>(), in.row_noise<float>());
      }
      ByteWriter state;
      owner.nets().SaveState(&state);
      states.emplace_back(state.bytes());
    }
    for (size_t i = 1; i < states.size(); ++i) EXPECT_TRUE(states[i] == states[0]) << variant.name;
  }
}

}  // namespace
}  // namespace pmoe
