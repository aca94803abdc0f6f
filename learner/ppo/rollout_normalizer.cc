#include "learner/ppo/rollout_normalizer.h"

#include <algorithm>

namespace pmoe {
namespace {
constexpr float kRewardClip = 10.0f;
}  // namespace

RolloutNormalizer::RolloutNormalizer(const PpoOptions& options, const PolicySpec& policy)
    : normalizes_obs_(policy.normalizes_obs),
      reward_norm_(options.reward_norm),
      gamma_(options.gamma),
      obs_(policy.obs_dim),
      returns_(1) {}

std::vector<float> RolloutNormalizer::Observations(const std::vector<float>& raw) const {
  if (!normalizes_obs_) return raw;
  std::vector<float> seen;
  Normalize(raw, &seen);
  return seen;
}

void RolloutNormalizer::Normalize(const std::vector<float>& raw, std::vector<float>* seen) const {
  PolicySnapshot scale;
  FillSnapshot(&scale);
  seen->resize(raw.size());
  const size_t dims = scale.obs_mean.size();
  const float* __restrict const mean = scale.obs_mean.data();
  const float* __restrict const std = scale.obs_std.data();
  for (size_t row = 0; row < raw.size(); row += dims) {
    const float* __restrict const from = raw.data() + row;
    float* __restrict const to = seen->data() + row;
    for (size_t i = 0; i < dims; ++i) {
      to[i] = std::clamp((from[i] - mean[i]) / std[i], -kObsClip, kObsClip);
    }
  }
}

std::vector<float> RolloutNormalizer::Rewards(const Rollout& rollout) const {
  if (reward_norm_ != RewardNorm::kDiscountedStd) return rollout.reward;
  std::vector<float> scaled = rollout.reward;
  const float std = static_cast<float>(returns_.Std(0));
  for (float& reward : scaled) reward = std::clamp(reward / std, -kRewardClip, kRewardClip);
  return scaled;
}

double RolloutNormalizer::value_unit() const {
  return reward_norm_ == RewardNorm::kReturnStd ? returns_.Std(0) : 1.0;
}

void RolloutNormalizer::AdvanceDiscounted(const Rollout& rollout) {
  std::vector<float> sums;
  for (const RolloutSegment& segment : rollout.segments) {
    double& sum = discounted_[{segment.actor, segment.env}];
    for (int64_t t = segment.start; t < segment.start + segment.length; ++t) {
      sum = gamma_ * sum + rollout.reward[static_cast<size_t>(t)];
      sums.push_back(static_cast<float>(sum));
    }
    if (segment.end != SegmentEnd::kCut) sum = 0.0;
  }
  returns_.Update(sums);
}

void RolloutNormalizer::Advance(const Rollout& rollout, absl::Span<const float> returns) {
  if (normalizes_obs_) obs_.Update(rollout.obs);
  if (reward_norm_ == RewardNorm::kReturnStd) returns_.Update(returns);
  if (reward_norm_ == RewardNorm::kDiscountedStd) AdvanceDiscounted(rollout);
}

void RolloutNormalizer::FillSnapshot(PolicySnapshot* snapshot) const {
  if (!normalizes_obs_) return;
  snapshot->obs_mean.assign(obs_.mean().begin(), obs_.mean().end());
  for (size_t i = 0; i < obs_.mean().size(); ++i) {
    snapshot->obs_std.push_back(static_cast<float>(obs_.Std(static_cast<int>(i))));
  }
}

void RolloutNormalizer::SaveState(ByteWriter* out) const {
  obs_.SaveState(out);
  returns_.SaveState(out);
  out->Pod(static_cast<uint64_t>(discounted_.size()));
  for (const auto& [stream, sum] : discounted_) {
    out->Pod(stream.first);
    out->Pod(stream.second);
    out->Pod(sum);
  }
}

void RolloutNormalizer::LoadState(ByteReader* in) {
  obs_.LoadState(in);
  returns_.LoadState(in);
  uint64_t streams = 0;
  in->Pod(&streams);
  discounted_.clear();
  for (uint64_t i = 0; i < streams && in->ok(); ++i) {
    std::pair<uint32_t, uint32_t> stream;
    double sum = 0.0;
    in->Pod(&stream.first);
    in->Pod(&stream.second);
    in->Pod(&sum);
    discounted_[stream] = sum;
  }
}

}  // namespace pmoe
