#include "learner/ppo/rollout_learner.h"

#include <cmath>
#include <utility>

#include "ATen/Parallel.h"
#include "ATen/core/Tensor.h"
#include "ATen/ops/from_blob.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "learner/kernels/flush_denormals.h"
#include "learner/ppo/dac_update.h"
#include "learner/ppo/fast_ppo_update.h"
#include "learner/ppo/ppo_update.h"
#include "learner/torch_info.h"

namespace pmoe {
namespace {

// On a CPU a view of x.
at::Tensor ToTensor(const std::vector<float>& x, int64_t rows, int64_t cols,
                    const at::Device& device) {
  return at::from_blob(const_cast<float*>(x.data()), {1, rows, cols}, at::kFloat).to(device);
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
      stats_(update_->StatNames().size()) {}

// Actors made these numbers: an index among them is used as one, and what is not finite would be
// clipped, or kept in the running moments, without a word.
absl::Status RolloutLearner::CheckRollout(const Rollout& rollout) const {
  if (rollout.rows() != options_.rollout_steps) {
    return absl::DataLossError(absl::StrCat("replay gave a rollout of ", rollout.rows(),
                                            " rows where schedule.steps_per_round is ",
                                            options_.rollout_steps));
  }
  const TableSpec wanted = {policy_.obs_dim, policy_.action_dim,
                            static_cast<int>(policy_.columns.size())};
  if (!(rollout.spec == wanted)) {
    return absl::DataLossError("replay gave a rollout whose columns are not this policy's");
  }
  const std::pair<const char*, const std::vector<float>*> columns[] = {
      {"observation", &rollout.obs},
      {"action", &rollout.action},
      {"reward", &rollout.reward},
      {"bootstrap observation", &rollout.bootstrap_obs},
      {"extra column", &rollout.extra}};
  for (const auto& [name, values] : columns) {
    for (const float x : *values) {
      if (!std::isfinite(x)) {
        return absl::DataLossError(absl::StrCat("a row's ", name, " is ", x, " after update ",
                                                updates_, ", and an actor sent it"));
      }
    }
  }
  for (const char* name : {kColumnComponent, kColumnOptionBefore}) {
    const int column = policy_.ColumnIndex(name);
    for (int64_t row = 0; column >= 0 && row < rollout.rows(); ++row) {
      const float k = rollout.extra[static_cast<size_t>(row * rollout.spec.extra_dim + column)];
      if (k < 0.0f || k >= static_cast<float>(policy_.primitives) || k != std::floor(k)) {
        return absl::DataLossError(absl::StrCat("a row's ", name, " is ", k, " where K is ",
                                                policy_.primitives, ", and an actor sent it"));
      }
    }
  }
  return absl::OkStatus();
}

PreparedRollout RolloutLearner::Prepare(const Rollout& rollout) {
  const int64_t rows = rollout.rows(), segments = static_cast<int64_t>(rollout.segments.size());
  PreparedRollout prepared;
  prepared.raw = &rollout;
  const auto seen = [&](const std::vector<float>& raw,
                        std::vector<float>* to) -> const std::vector<float>* {
    if (!policy_.normalizes_obs) return &raw;
    normalizer_.Normalize(raw, to);
    return to;
  };
  prepared.obs = ToTensor(*seen(rollout.obs, &obs_), rows, rollout.spec.obs_dim, device_);
  prepared.action = ToTensor(rollout.action, rows, rollout.spec.action_dim, device_);
  prepared.extra = ToTensor(rollout.extra, rows, rollout.spec.extra_dim, device_);
  prepared.bootstrap_obs = ToTensor(*seen(rollout.bootstrap_obs, &bootstrap_obs_), segments,
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
  PMOE_RETURN_IF_ERROR(CheckRollout(rollout));
  const ScopedFlushDenormals flush;
  const double progress =
      static_cast<double>(rollouts_) / static_cast<double>(options_.total_rollouts);
  const LearnedRollout learned =
      update_->Learn(Prepare(rollout), progress, {&shuffle_rng_, &noise_rng_});
  updates_ += static_cast<uint64_t>(learned.updates);
  PMOE_RETURN_IF_ERROR(stats_.Add(learned.stats, update_->StatNames(), RolloutUpdate::kLossStats,
                                  updates_, "learner.actor_lr"));
  normalizer_.Advance(rollout, learned.returns);
  ++rollouts_;
  dropped_ = rollout.dropped;
  return absl::OkStatus();
}

std::shared_ptr<const PolicySnapshot> RolloutLearner::Snapshot(uint64_t version,
                                                               uint64_t env_steps) const {
  std::shared_ptr<PolicySnapshot> snapshot =
      MakeSnapshot(policy_, version, env_steps, std::as_const(*update_).policy());
  normalizer_.FillSnapshot(snapshot.get());
  return snapshot;
}

LearnerStats RolloutLearner::DrainStats() {
  const bool learned = stats_.count > 0;
  LearnerStats stats = stats_.Drain(update_->StatNames(), policy_.head);
  if (learned) stats.emplace_back("rows_dropped", static_cast<double>(dropped_));
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
  counters.Pod(stats_.count);
  counters.Pod(dropped_);
  counters.Vector(stats_.sums);
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
  reader.Pod(&stats_.count);
  reader.Pod(&dropped_);
  reader.Fill(absl::MakeSpan(stats_.sums));
  return reader.Finish("checkpoint: learner.counters");
}

namespace {

absl::StatusOr<std::unique_ptr<Learner>> Make(
    const PpoOptions& options, const PolicySpec& policy,
    absl::FunctionRef<std::unique_ptr<RolloutUpdate>(const at::Device&)> make) {
  PMOE_RETURN_IF_ERROR(options.Validate());
  PMOE_RETURN_IF_ERROR(policy.Validate());
  PMOE_RETURN_IF_ERROR(CheckDevice(options.device));
  at::set_num_threads(options.threads);
  const at::Device device(options.device);
  return std::make_unique<RolloutLearner>(options, policy, device, make(device));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Learner>> MakePpoLearner(const PpoOptions& options,
                                                        const PolicySpec& policy) {
  return Make(options, policy, [&](const at::Device& device) -> std::unique_ptr<RolloutUpdate> {
    if (FastPpoApplies(options, policy)) return std::make_unique<FastPpoUpdate>(options, policy);
    return std::make_unique<PpoUpdate>(options, policy, device);
  });
}

absl::StatusOr<std::unique_ptr<Learner>> MakeDacLearner(const PpoOptions& options,
                                                        const PolicySpec& policy) {
  return Make(options, policy, [&](const at::Device& device) {
    return std::make_unique<DacUpdate>(options, policy, device);
  });
}

}  // namespace pmoe
