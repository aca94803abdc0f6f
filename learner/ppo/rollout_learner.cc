#include "learner/ppo/rollout_learner.h"

#include <cmath>
#include <utility>

#include "ATen/Parallel.h"
#include "ATen/core/Tensor.h"
#include "ATen/ops/from_blob.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "learner/nets/flush_denormals.h"
#include "learner/ppo/dac_update.h"
#include "learner/ppo/ppo_update.h"
#include "learner/torch_info.h"

namespace pmoe {
namespace {

at::Tensor ToTensor(const std::vector<float>& x, int64_t rows, int64_t cols,
                    const at::Device& device) {
  return at::from_blob(const_cast<float*>(x.data()), {1, rows, cols}, at::kFloat)
      .clone()
      .to(device);
}

}  // namespace

RolloutLearner::RolloutLearner(const PpoOptions& options, const PolicySpec& policy,
                               const at::Device& device, std::unique_ptr<RolloutUpdate> update)
    : options_(options),
      policy_(policy),
      device_(device),
      update_(std::move(update)),
      normalizer_(options, policy),
      shuffle_rng_(options.seed, RngRole::kLearner, 0),
      noise_rng_(options.seed, RngRole::kLearnerRouter, 0),
      sums_(update_->StatNames().size(), 0.0) {}

PreparedRollout RolloutLearner::Prepare(const Rollout& rollout) const {
  const int64_t rows = rollout.rows(), segments = static_cast<int64_t>(rollout.segments.size());
  PreparedRollout prepared;
  prepared.raw = &rollout;
  prepared.obs =
      ToTensor(normalizer_.Observations(rollout.obs), rows, rollout.spec.obs_dim, device_);
  prepared.action = ToTensor(rollout.action, rows, rollout.spec.action_dim, device_);
  prepared.extra = ToTensor(rollout.extra, rows, rollout.spec.extra_dim, device_);
  prepared.bootstrap_obs = ToTensor(normalizer_.Observations(rollout.bootstrap_obs), segments,
                                    rollout.spec.obs_dim, device_);
  prepared.reward = normalizer_.Rewards(rollout);
  prepared.value_unit = normalizer_.value_unit();
  return prepared;
}

absl::Status RolloutLearner::Update(const Experience& experience) {
  const Rollout* const* const given = std::get_if<const Rollout*>(&experience);
  if (given == nullptr) {
    return absl::UnimplementedError("this algorithm learns from rollouts, not from minibatches");
  }
  const Rollout& rollout = **given;
  if (rollout.rows() != options_.rollout_steps) {
    return absl::DataLossError(absl::StrCat("replay gave a rollout of ", rollout.rows(),
                                            " rows where schedule.steps_per_round is ",
                                            options_.rollout_steps));
  }
  const ScopedFlushDenormals flush;
  const double progress =
      static_cast<double>(rollouts_) / static_cast<double>(options_.total_rollouts);
  const LearnedRollout learned =
      update_->Learn(Prepare(rollout), progress, {&shuffle_rng_, &noise_rng_});
  updates_ += static_cast<uint64_t>(learned.updates);
  PMOE_RETURN_IF_ERROR(CheckFinite(learned.stats));
  normalizer_.Advance(rollout, learned.returns);
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += learned.stats[i];
  ++undrained_;
  ++rollouts_;
  dropped_ = rollout.dropped;
  return absl::OkStatus();
}

absl::Status RolloutLearner::CheckFinite(const std::vector<double>& stats) const {
  for (int i = 0; i < RolloutUpdate::kLossStats; ++i) {
    if (std::isfinite(stats[i])) continue;
    return absl::InternalError(
        absl::StrCat(update_->StatNames()[i], " is not finite at update ", updates_,
                     "; the last checkpoint is kept: resume from it with a smaller "
                     "learner.actor_lr"));
  }
  return absl::OkStatus();
}

std::shared_ptr<const PolicySnapshot> RolloutLearner::Snapshot(uint64_t version,
                                                               uint64_t env_steps) const {
  auto snapshot = std::make_shared<PolicySnapshot>();
  snapshot->spec = policy_;
  snapshot->version = version;
  snapshot->env_steps = env_steps;
  const at::Tensor host = std::as_const(*update_).policy().values().cpu();
  snapshot->weights.assign(host.data_ptr<float>(), host.data_ptr<float>() + host.numel());
  normalizer_.FillSnapshot(snapshot.get());
  return snapshot;
}

LearnerStats RolloutLearner::DrainStats() {
  LearnerStats stats;
  for (size_t i = 0; i < sums_.size(); ++i) {
    // Not a number: nothing to say of this policy.
    if (undrained_ > 0 && !std::isnan(sums_[i])) {
      stats.emplace_back(update_->StatNames()[i], sums_[i] / static_cast<double>(undrained_));
    }
    sums_[i] = 0.0;
  }
  if (undrained_ > 0) stats.emplace_back("rows_dropped", static_cast<double>(dropped_));
  undrained_ = 0;
  return stats;
}

void RolloutLearner::SaveState(ContainerWriter* out) const {
  ByteWriter tensors, counters;
  update_->SaveState(&tensors);
  shuffle_rng_.SaveState(&counters);
  noise_rng_.SaveState(&counters);
  normalizer_.SaveState(&counters);
  counters.Pod(updates_);
  counters.Pod(rollouts_);
  counters.Pod(undrained_);
  counters.Pod(dropped_);
  counters.Vector(sums_);
  out->Add("learner.tensors", tensors.Take());
  out->Add("learner.counters", counters.Take());
}

absl::Status RolloutLearner::LoadState(const ContainerReader& in) {
  PMOE_ASSIGN_OR_RETURN(const absl::string_view tensors, in.Section("learner.tensors"));
  PMOE_ASSIGN_OR_RETURN(const absl::string_view counters, in.Section("learner.counters"));
  ByteReader tensor_reader(tensors);
  PMOE_RETURN_IF_ERROR(update_->LoadState(&tensor_reader));
  PMOE_RETURN_IF_ERROR(tensor_reader.Finish("checkpoint: learner.tensors"));
  ByteReader reader(counters);
  PMOE_RETURN_IF_ERROR(shuffle_rng_.LoadState(&reader));
  PMOE_RETURN_IF_ERROR(noise_rng_.LoadState(&reader));
  normalizer_.LoadState(&reader);
  reader.Pod(&updates_);
  reader.Pod(&rollouts_);
  reader.Pod(&undrained_);
  reader.Pod(&dropped_);
  reader.Fill(absl::MakeSpan(sums_));
  return reader.Finish("checkpoint: learner.counters");
}

namespace {

absl::Status Prepare(const PpoOptions& options, const PolicySpec& policy) {
  PMOE_RETURN_IF_ERROR(options.Validate());
  PMOE_RETURN_IF_ERROR(policy.Validate());
  PMOE_RETURN_IF_ERROR(CheckDevice(options.device));
  at::set_num_threads(options.threads);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Learner>> MakePpoLearner(const PpoOptions& options,
                                                        const PolicySpec& policy) {
  PMOE_RETURN_IF_ERROR(Prepare(options, policy));
  const at::Device device(options.device);
  return std::unique_ptr<Learner>(std::make_unique<RolloutLearner>(
      options, policy, device, std::make_unique<PpoUpdate>(options, policy, device)));
}

absl::StatusOr<std::unique_ptr<Learner>> MakeDacLearner(const PpoOptions& options,
                                                        const PolicySpec& policy) {
  PMOE_RETURN_IF_ERROR(Prepare(options, policy));
  const at::Device device(options.device);
  return std::unique_ptr<Learner>(std::make_unique<RolloutLearner>(
      options, policy, device, std::make_unique<DacUpdate>(options, policy, device)));
}

}  // namespace pmoe
