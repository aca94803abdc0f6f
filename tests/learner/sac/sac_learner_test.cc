// Checkpoints, statistics and errors of the learner, and the options of its update.
#include "learner/sac/sac_learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/policy/container.h"
#include "learner/sac/sac_stats.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kObs = 4;
constexpr int kActions = 2;
constexpr int kBatch = 16;

PolicySpec MakeSpec(int primitives) {
  PolicyOptions options = BoxOptions(kObs, kActions, 0.4);
  options.primitives = primitives;
  options.hidden = {16, 16};
  if (primitives > 1) options.head = HeadType::kMixture;
  return MakePolicySpec(options);
}

SacOptions SmallOptions() {
  SacOptions options = TestSacOptions();
  options.batch_size = kBatch;
  options.critic_hidden = {16, 16};
  return options;
}

// A learner and the stream of minibatches that trains it.
struct Training {
  explicit Training(const SacOptions& options, int primitives = 3)
      : learner(options, MakeSpec(primitives), at::kCPU), rng(8, RngRole::kReplay, 0) {}

  void Update(int times) {
    for (int i = 0; i < times; ++i) {
      FillRandom(&rng, &batch);
      ASSERT_OK(learner.Update(&batch));
    }
  }
  double Stat(const std::string& wanted) {
    for (const auto& [name, value] : learner.DrainStats()) {
      if (name == wanted) return value;
    }
    return std::nan("");
  }

  SacLearner learner;
  Rng rng;
  Minibatch batch{{.obs_dim = kObs, .action_dim = kActions}, kBatch};
};

std::string Checkpoint(const SacLearner& learner) {
  ContainerWriter writer;
  learner.SaveState(&writer);
  return writer.Finish({ContainerKind::kCheckpoint, 0, 0, 0});
}

absl::Status Restore(const std::string& bytes, SacLearner* learner) {
  auto reader = ContainerReader::Open(bytes);
  return reader.ok() ? learner->LoadState(*reader) : reader.status();
}

SacOptions ModernOptions() {
  SacOptions options = SmallOptions();
  options.quantiles = 5;
  options.dropped_quantiles = 1;
  options.quantile_critics = 3;
  options.critic_norm = CriticNorm::kLayer;
  return options;
}

class CheckpointTest : public ::testing::TestWithParam<std::tuple<SacOptions, bool>> {};

TEST_P(CheckpointTest, AnInterruptedTrainingContinuesBitForBit) {
  auto [options, optional_state] = GetParam();
  options.tune_alpha = optional_state;
  options.target_policy = optional_state;
  Training straight(options), first(options);
  straight.Update(20);
  first.Update(9);
  Training second(options);
  ASSERT_OK(Restore(Checkpoint(first.learner), &second.learner));
  second.rng = first.rng;
  second.Update(11);
  // Everything: weights, moments, random streams, counters and undrained statistics.
  EXPECT_EQ(Checkpoint(second.learner), Checkpoint(straight.learner));
  EXPECT_EQ(second.learner.updates(), 20u);
  EXPECT_EQ(second.learner.DrainStats(), straight.learner.DrainStats());
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutOptionalState, CheckpointTest,
                         ::testing::Combine(::testing::Values(SmallOptions(), ModernOptions()),
                                            ::testing::Bool()),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).quantiles > 0 ? "modern"
                                                                                    : "plain") +
                                  (std::get<1>(info.param) ? "_all" : "_least");
                         });

Minibatch Prioritized(float weight) {
  Minibatch batch({.obs_dim = kObs, .action_dim = kActions}, kBatch, /*prioritized=*/true);
  Rng rng(8, RngRole::kReplay, 0);
  FillRandom(&rng, &batch);
  std::fill_n(batch.weight(), kBatch, weight);
  return batch;
}

class WeightsTest : public ::testing::TestWithParam<UpdateStep> {
 protected:
  SacOptions Options() const {
    SacOptions options = SmallOptions();
    options.step = GetParam();
    return options;
  }
};

TEST_P(WeightsTest, OfOneChangeNoBitAndGiveTheErrorsOfTheRows) {
  Training plain(Options()), weighted(Options());
  plain.Update(1);
  EXPECT_TRUE(plain.learner.RowErrors().empty());
  Minibatch batch = Prioritized(1.0f);
  ASSERT_OK(weighted.learner.Update(&batch));
  EXPECT_EQ(Checkpoint(weighted.learner), Checkpoint(plain.learner));
  const absl::Span<const float> errors = weighted.learner.RowErrors();
  ASSERT_EQ(errors.size(), static_cast<size_t>(kBatch));
  // The loss is the mean of squares, summed over two critics, whose mean error is no larger.
  double squares = 0;
  for (const float error : errors) squares += 2.0 * error * error / kBatch;
  const double loss = weighted.Stat("critic_loss");
  EXPECT_LE(squares, loss);
  EXPECT_GT(squares, 0.5 * loss);
  weighted.Update(1);
  EXPECT_TRUE(weighted.learner.RowErrors().empty());
}

TEST_P(WeightsTest, ScaleTheCriticLoss) {
  Training whole(Options()), half(Options());
  Minibatch batch = Prioritized(1.0f), halved = Prioritized(0.5f);
  ASSERT_OK(whole.learner.Update(&batch));
  ASSERT_OK(half.learner.Update(&halved));
  EXPECT_NEAR(half.Stat("critic_loss"), 0.5 * whole.Stat("critic_loss"), 1e-6);
  for (size_t i = 0; i < kBatch; ++i) {
    EXPECT_EQ(half.learner.RowErrors()[i], whole.learner.RowErrors()[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, WeightsTest,
                         ::testing::Values(UpdateStep::kFast, UpdateStep::kAutograd));

TEST(SacLearnerTest, RefusesACheckpointOfOtherSizes) {
  Training three(SmallOptions(), 3), four(SmallOptions(), 4);
  EXPECT_THAT(Restore(Checkpoint(three.learner), &four.learner),
              FailsWith(absl::StatusCode::kDataLoss, ""));
  SacOptions with_target = SmallOptions();
  with_target.target_policy = true;
  Training other(with_target, 3), modern(ModernOptions(), 3);
  for (Training* const wrong : {&other, &modern}) {
    EXPECT_THAT(Restore(Checkpoint(three.learner), &wrong->learner),
                FailsWith(absl::StatusCode::kDataLoss, ""));
  }
  EXPECT_THAT(Restore(Checkpoint(modern.learner), &three.learner),
              FailsWith(absl::StatusCode::kDataLoss, ""));
}

TEST(SacLearnerTest, ASnapshotIsTheActorsWeights) {
  Training training(SmallOptions());
  training.Update(3);
  const auto snapshot = training.learner.Snapshot(5, 77);
  EXPECT_EQ(snapshot->version, 5u);
  EXPECT_EQ(snapshot->env_steps, 77u);
  const at::Tensor& values = training.learner.update().actor().values();
  ASSERT_EQ(static_cast<int64_t>(snapshot->weights.size()), values.numel());
  EXPECT_EQ(std::memcmp(snapshot->weights.data(), values.data_ptr<float>(), values.nbytes()), 0);
}

TEST(SacLearnerTest, ASnapshotStaysAsItWas) {
  Training training(SmallOptions());
  const auto snapshot = training.learner.Snapshot(1, 0);
  const std::vector<float> before = snapshot->weights;
  training.Update(2);
  EXPECT_EQ(snapshot->weights, before);
}

TEST(SacLearnerTest, NamesTheLossThatIsNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    Training training(SmallOptions());
    training.Update(2);
    FillRandom(&training.rng, &training.batch);
    training.batch.reward()[3] = bad;
    const absl::Status status = training.learner.Update(&training.batch);
    EXPECT_THAT(status, FailsWith(absl::StatusCode::kInternal, "critic_loss"));
    EXPECT_THAT(status, FailsWith(absl::StatusCode::kInternal, "update 3"));
  }
}

// A ReLU that made 0 of what is no number would let the networks die without a word.
TEST(SacLearnerTest, ANumberThatIsNoneStopsItWhereverItStands) {
  for (const auto& [step, modern] :
       {std::pair(UpdateStep::kFast, false), std::pair(UpdateStep::kFast, true),
        std::pair(UpdateStep::kAutograd, false), std::pair(UpdateStep::kAutograd, true)}) {
    for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
      for (float* (*column)(Minibatch*) :
           {+[](Minibatch* b) { return b->obs(); }, +[](Minibatch* b) { return b->action(); },
            +[](Minibatch* b) { return b->next_obs(); }}) {
        SacOptions options = modern ? ModernOptions() : SmallOptions();
        options.step = step;
        Training training(options);
        training.Update(2);
        FillRandom(&training.rng, &training.batch);
        std::fill_n(training.batch.discount(), kBatch, 0.99f);
        column(&training.batch)[3] = bad;
        EXPECT_THAT(training.learner.Update(&training.batch),
                    FailsWith(absl::StatusCode::kInternal, "is not finite at update 3"));
      }
    }
  }
}

TEST(SacLearnerTest, AMinibatchOfAnotherSizeIsAnErrorAndNoCrash) {
  Training training(SmallOptions());
  Minibatch other{{.obs_dim = kObs, .action_dim = kActions}, kBatch - 1};
  EXPECT_THAT(training.learner.Update(&other),
              FailsWith(absl::StatusCode::kDataLoss, "15 rows instead of learner.batch_size = 16"));
  EXPECT_EQ(training.learner.updates(), 0u);
}

TEST(SacLearnerTest, DrainsMeansOnce) {
  Training training(SmallOptions());
  EXPECT_TRUE(training.learner.DrainStats().empty());
  training.Update(4);
  const LearnerStats stats = training.learner.DrainStats();
  ASSERT_EQ(stats.size(), SacStatNames(3).size() + 1);  // router_information
  double usage = 0.0, wins = 0.0;
  for (const auto& [name, value] : stats) {
    EXPECT_TRUE(std::isfinite(value)) << name;
    if (name.starts_with("primitive_usage_")) usage += value;
    if (name.starts_with("primitive_win_rate_")) wins += value;
  }
  EXPECT_NEAR(usage, 1.0, 1e-6);
  EXPECT_NEAR(wins, 1.0, 1e-6);
  EXPECT_TRUE(training.learner.DrainStats().empty());
}

// A single primitive has no distance to others, and nobody loses to it.
TEST(SacLearnerTest, DrainsNothingThatThePolicyDoesNotHave) {
  Training one(SmallOptions(), 1);
  one.Update(2);
  const LearnerStats stats = one.learner.DrainStats();
  EXPECT_EQ(stats.size(), SacStatNames(1).size() - 2);
  for (const auto& [name, value] : stats) {
    EXPECT_NE(name, "primitive_distance");
    EXPECT_NE(name, "loser_std");
    EXPECT_TRUE(std::isfinite(value)) << name;
  }
}

TEST(SacLearnerTest, TheSeedDecidesTheBits) {
  SacOptions other = SmallOptions();
  other.seed = 2;
  Training a(SmallOptions()), b(SmallOptions()), c(other);
  for (Training* training : {&a, &b, &c}) training->Update(3);
  EXPECT_EQ(Checkpoint(a.learner), Checkpoint(b.learner));
  EXPECT_NE(Checkpoint(a.learner), Checkpoint(c.learner));
}

// The mean Q of a statistic does not depend on the unit of the log-probability.
TEST(SacLearnerTest, MeanQIsTheSameInBothUnitsOfTheLogProbability) {
  SacOptions options = SmallOptions();
  Training normalised(options);
  normalised.Update(1);
  options.logprob_action_scale = true;
  Training scaled(options);
  scaled.Update(1);
  // One critic step apart: the target shifts by discount * alpha * log scale, Q by about 1e-3.
  EXPECT_NEAR(scaled.Stat("q_mean"), normalised.Stat("q_mean"), 0.02);
}

TEST(SacLearnerTest, MeanQUnderAllIsThatOfTheBestPrimitives) {
  SacOptions options = SmallOptions();
  Training max(options);
  max.Update(1);
  options.primitive_backprop = PrimitiveBackprop::kAll;
  Training all(options);
  all.Update(1);
  EXPECT_NEAR(all.Stat("q_mean"), max.Stat("q_mean"), 1e-5);
}

TEST(SacOptionsTest, FindsWhatNobodyFilled) {
  const auto valid = [](auto&& change) {
    SacOptions options = TestSacOptions();
    change(&options);
    return options.Validate().ok();
  };
  EXPECT_TRUE(valid([](SacOptions*) {}));
  EXPECT_FALSE(valid([](SacOptions* o) { o->batch_size = 0; }));
  EXPECT_FALSE(valid([](SacOptions* o) { o->critic_hidden.clear(); }));
}

TEST(SacOptionsTest, AWrongDeviceIsAnErrorAndNotACrash) {
  SacOptions options = SmallOptions();
  options.device = "no such device";
  EXPECT_FALSE(MakeSacLearner(options, MakeSpec(1)).ok());
}

}  // namespace
}  // namespace pmoe
