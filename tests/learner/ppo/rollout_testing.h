// Rollouts made up from a policy's own samples, for the tests of on-policy learners. N rows, S
// segments, K primitives, O obs_dim, A action_dim.
#pragma once

#include <vector>

#include "ATen/ops/from_blob.h"
#include "ATen/ops/zeros.h"
#include "learner/nets/policy_net.h"
#include "learner/ppo/actor_critic.h"
#include "learner/ppo/rollout_update.h"
#include "learner/sac/policy_loss.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {

// Four segments: one terminated, one truncated, two cut.
inline std::vector<RolloutSegment> FourSegments(int64_t rows) {
  const SegmentEnd ends[] = {SegmentEnd::kTerminated, SegmentEnd::kTruncated, SegmentEnd::kCut,
                             SegmentEnd::kCut};
  std::vector<RolloutSegment> segments(4);
  for (int64_t s = 0; s < 4; ++s) {
    RolloutSegment& segment = segments[static_cast<size_t>(s)];
    segment.env = static_cast<uint32_t>(s);
    segment.start = s * rows / 4;
    segment.length = (s + 1) * rows / 4 - segment.start;
    segment.end = ends[s];
  }
  return segments;
}

// Actions of `net` with these parameters on normal observations. Components and noise are drawn
// from streams of their own, so that one primitive acts as the Gaussian does. Fills "component";
// "option_before" and "episode_start" say that every step begins an episode.
inline Rollout MakeRollout(const PolicyNet& net, const FlatParameters& parameters, int64_t rows,
                           uint32_t stream) {
  Rng rng(21, RngRole::kActor, stream), choice(22, RngRole::kActor, stream);
  const PolicySpec& spec = net.spec();
  const int columns = static_cast<int>(spec.columns.size());
  Rollout rollout;
  rollout.spec = {spec.obs_dim, spec.action_dim, columns};
  const at::Tensor obs = NormalTensor({1, rows, spec.obs_dim}, &rng);
  const at::Tensor eps = NormalTensor({1, rows, 1, spec.action_dim}, &rng);
  const MixtureHeads heads = net.Forward(parameters, obs, /*train=*/false);
  const at::Tensor k = DrawPrimitive(heads.RouterWeights(), UniformTensor({1, rows}, &choice));
  const at::Tensor action = SelectPrimitive(heads.mean, k) +
                            SelectPrimitive(heads.log_std, k).exp() * eps;  // [1, N, 1, A]
  at::Tensor extra = at::zeros({rows, columns}, at::kFloat);
  for (int i = 0; i < columns; ++i) {
    if (spec.columns[static_cast<size_t>(i)] == kColumnComponent) extra.select(1, i).copy_(k[0]);
    if (spec.columns[static_cast<size_t>(i)] == kColumnEpisodeStart) extra.select(1, i).fill_(1.0);
  }
  rollout.obs = ToFloats(obs);
  rollout.action = ToFloats(action);
  rollout.extra = ToFloats(extra);
  rollout.reward = ToFloats(obs.select(2, 0).sin() - action.select(3, 0).select(2, 0).square());
  rollout.policy_version.assign(static_cast<size_t>(rows), 1);
  rollout.segments = FourSegments(rows);
  rollout.bootstrap_obs = ToFloats(NormalTensor({4, spec.obs_dim}, &rng));
  return rollout;
}

// What RolloutLearner makes of it without normalisers. Points to `rollout`.
inline PreparedRollout Prepare(const Rollout& rollout) {
  const auto tensor = [](const std::vector<float>& x, int64_t rows, int64_t cols) {
    return at::from_blob(const_cast<float*>(x.data()), {1, rows, cols}, at::kFloat).clone();
  };
  const int64_t segments = static_cast<int64_t>(rollout.segments.size());
  PreparedRollout prepared;
  prepared.raw = &rollout;
  prepared.obs = tensor(rollout.obs, rollout.rows(), rollout.spec.obs_dim);
  prepared.action = tensor(rollout.action, rollout.rows(), rollout.spec.action_dim);
  prepared.extra = tensor(rollout.extra, rollout.rows(), rollout.spec.extra_dim);
  prepared.bootstrap_obs = tensor(rollout.bootstrap_obs, segments, rollout.spec.obs_dim);
  prepared.reward = rollout.reward;
  return prepared;
}

}  // namespace pmoe
