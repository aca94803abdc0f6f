// What a learner on rollouts refuses, and that its checkpoints are whole.
#include "learner/ppo/rollout_learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "tests/learner/ppo/ppo_training.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

// An actor's word is not taken for a number: nothing of it reaches weights or running moments.
TEST(RolloutLearnerTest, RefusesWhatNoActorOfOursSends) {
  PpoOptions options = SmallOptions();
  options.ratio = RatioOf::kComponent;
  options.frequency_loss = true;
  PolicySpec spec = MakeSpec(options, HeadType::kMixture, 3, 16);
  spec.normalizes_obs = true;
  RolloutLearner learner(options, spec, at::kCPU,
                         std::make_unique<PpoUpdate>(options, spec, at::kCPU));
  Training actor(options, HeadType::kMixture, 3);
  const int component = spec.ColumnIndex(kColumnComponent);
  ASSERT_GE(component, 0);
  const auto expect_refused = [&](const Rollout& rollout, const char* why) {
    EXPECT_THAT(learner.Update(&rollout), FailsWith(absl::StatusCode::kDataLoss, why));
    EXPECT_EQ(learner.updates(), 0u);
  };
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    for (std::vector<float> Rollout::*column : {&Rollout::obs, &Rollout::action, &Rollout::reward,
                                                &Rollout::bootstrap_obs, &Rollout::extra}) {
      Rollout rollout = actor.Play(1);
      (rollout.*column)[5] = bad;
      expect_refused(rollout, "an actor sent it");
    }
  }
  for (const float bad : {-1.0f, 3.0f, 0.5f, 1e10f}) {
    Rollout rollout = actor.Play(1);
    rollout.extra[static_cast<size_t>(component)] = bad;
    expect_refused(rollout, "component is ");
  }
  Rollout other = actor.Play(1);
  other.spec.extra_dim += 1;
  expect_refused(other, "columns");
  const Rollout good = actor.Play(1);
  EXPECT_OK(learner.Update(&good));
}

// Everything, through the learner: weights, moments, streams, normaliser and statistics.
TEST(RolloutLearnerTest, ContinuesACheckpointBitForBit) {
  PpoOptions options = SmallOptions();
  options.frequency_loss = true;
  options.reward_norm = RewardNorm::kReturnStd;
  PolicySpec spec = MakeSpec(options, HeadType::kMixture, 3, 16);
  spec.normalizes_obs = true;
  const auto make = [&] {
    return std::make_unique<RolloutLearner>(options, spec, at::kCPU,
                                            std::make_unique<PpoUpdate>(options, spec, at::kCPU));
  };
  const auto checkpoint = [](const RolloutLearner& learner) {
    ContainerWriter writer;
    learner.SaveState(&writer);
    return writer.Finish({ContainerKind::kCheckpoint, 0, 0, 0});
  };
  Training actor(options, HeadType::kMixture, 3);
  const auto straight = make(), resumed = make();
  const Rollout first = actor.Play(1);
  ASSERT_OK(straight->Update(&first));
  auto reader = ContainerReader::Open(checkpoint(*straight));
  ASSERT_OK(reader);
  ASSERT_OK(resumed->LoadState(*reader));
  for (RolloutLearner* learner : {straight.get(), resumed.get()}) {
    const Rollout rollout = actor.Play(2);
    ASSERT_OK(learner->Update(&rollout));
  }
  EXPECT_EQ(checkpoint(*straight), checkpoint(*resumed));
  EXPECT_EQ(straight->updates(), 2u * 3u * (kRows / 64));
  EXPECT_EQ(straight->DrainStats(), resumed->DrainStats());
  Rollout other = actor.Play(3);
  other.reward.pop_back();
  EXPECT_EQ(straight->Update(&other).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace pmoe
