#include "learner/sac/sac_learner.h"

#include <algorithm>
#include <cmath>

#include "ATen/Parallel.h"
#include "ATen/TensorOperators.h"
#include "ATen/ops/empty.h"
#include "ATen/ops/empty_like.h"
#include "ATen/ops/from_blob.h"
#include "absl/strings/str_cat.h"
#include "c10/core/GradMode.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "learner/kernels/flush_denormals.h"
#include "learner/kernels/vector_math.h"
#include "learner/nets/tensor_io.h"
#include "learner/sac/sac_stats.h"
#include "learner/torch_info.h"

namespace pmoe {
namespace {

constexpr float kUniformMin = 0x1p-25f;

at::Tensor WrapColumn(float* data, int members, at::IntArrayRef shape, const at::Device& device) {
  std::vector<int64_t> full = {members};
  full.insert(full.end(), shape.begin(), shape.end());
  return at::from_blob(data, shape, at::kFloat).to(device).unsqueeze(0).expand(full);
}

}  // namespace

SacLearner::SacLearner(const SacOptions& options, const PolicySpec& policy,
                       const at::Device& device)
    : options_(options),
      policy_(policy),
      device_(device),
      update_(options, policy, device),
      stat_names_(SacStatNames(policy.primitives)),
      noise_rng_(options.seed, RngRole::kLearner, 0),
      router_rng_(options.seed, RngRole::kLearnerRouter, 0),
      noise_(at::empty(
          {2, options.members, options.batch_size, policy.components(), policy.action_dim},
          at::kFloat)),
      router_uniform_(at::empty({options.members, options.batch_size}, at::kFloat)),
      drawn_uniform_(at::empty_like(router_uniform_)),
      gumbel_(at::empty({options.members, options.batch_size, policy.primitives}, at::kFloat)),
      stats_(stat_names_.size()) {
  if (options.step == UpdateStep::kFast && FastSacStep<float>::Supports(options, policy)) {
    fast_ = std::make_unique<FastSacStep<float>>(options, policy, &update_.nets());
  }
}

absl::Status SacLearner::Update(const Experience& experience) {
  Minibatch* const* const given = std::get_if<Minibatch*>(&experience);
  if (given == nullptr) {
    return absl::UnimplementedError("this algorithm learns from minibatches, not from rollouts");
  }
  Minibatch* const batch = *given;
  const int rows = batch->size();
  if (rows != options_.batch_size) {
    return absl::DataLossError(
        absl::StrCat("replay gave a minibatch of ", rows,
                     " rows instead of learner.batch_size = ", options_.batch_size));
  }
  const ScopedFlushDenormals flush;
  DrawNoise();
  at::Tensor tensor;
  if (!fast_) tensor = StepByAutograd(batch).cpu();
  const float* const stats = fast_ ? StepFast(batch).data() : tensor.data_ptr<float>();
  row_errors_.clear();
  if (batch->prioritized()) KeepRowErrors();
  ++updates_;
  return stats_.Add(stats, stat_names_, kSacLossStats, updates_,
                    "learner.actor_lr or learner.critic_lr");
}

absl::Span<const float> SacLearner::StepFast(Minibatch* batch) {
  const SacRows<float> rows = {batch->obs(),      batch->action(),   batch->reward(),
                               batch->discount(), batch->next_obs(), /*shared=*/true,
                               batch->weight()};
  SacRowNoise<float> noise;
  noise.next_eps = noise_.data_ptr<float>();
  noise.eps = noise.next_eps + noise_.numel() / 2;
  noise.next_primitive = router_uniform_.data_ptr<float>();
  noise.primitive = drawn_uniform_.data_ptr<float>();
  noise.gumbel = gumbel_.data_ptr<float>();
  noise.gumbel_tau = GumbelTau();
  return fast_->Step(rows, noise);
}

at::Tensor SacLearner::StepByAutograd(Minibatch* batch) {
  const int rows = batch->size();
  SacBatch tensors = {
      WrapColumn(batch->obs(), options_.members, {rows, policy_.obs_dim}, device_),
      WrapColumn(batch->action(), options_.members, {rows, policy_.action_dim}, device_),
      WrapColumn(batch->reward(), options_.members, {rows}, device_),
      WrapColumn(batch->discount(), options_.members, {rows}, device_),
      WrapColumn(batch->next_obs(), options_.members, {rows, policy_.obs_dim}, device_),
  };
  if (batch->prioritized()) {
    tensors.weight = WrapColumn(batch->weight(), options_.members, {rows}, device_);
  }
  return update_.Step(tensors, NoiseTensors());
}

// The mean over members.
void SacLearner::KeepRowErrors() {
  const size_t rows = static_cast<size_t>(options_.batch_size);
  const size_t members = static_cast<size_t>(options_.members);
  at::Tensor tensor;
  if (!fast_) tensor = update_.row_errors().cpu().contiguous();
  const float* const errors = fast_ ? fast_->row_errors().data() : tensor.data_ptr<float>();
  row_errors_.assign(rows, 0.0f);
  for (size_t i = 0; i < members * rows; ++i) row_errors_[i % rows] += errors[i];
  for (float& error : row_errors_) error /= static_cast<float>(members);
}

// Without a choice there is nothing to draw: K = 1 uses the same numbers as SAC.
void SacLearner::FillUniform(at::Tensor* x) {
  float* const uniform = x->data_ptr<float>();
  for (int64_t i = 0; i < x->numel(); ++i) {
    uniform[i] = policy_.components() > 1 ? router_rng_.UniformFloat() : 0.0f;
  }
}

double SacLearner::GumbelTau() const {
  if (options_.gumbel_anneal_updates <= 0) return options_.gumbel_tau;
  const double share = std::min(
      1.0, static_cast<double>(updates_) / static_cast<double>(options_.gumbel_anneal_updates));
  return options_.gumbel_tau + share * (options_.gumbel_tau_end - options_.gumbel_tau);
}

void SacLearner::DrawNoise() {
  noise_rng_.FillNormal(noise_.data_ptr<float>(), static_cast<size_t>(noise_.numel()));
  FillUniform(&router_uniform_);
  if (options_.estimator == Estimator::kReinforce) FillUniform(&drawn_uniform_);
  if (options_.estimator != Estimator::kGumbel) return;
  FillUniform(&gumbel_);
  float* const g = gumbel_.data_ptr<float>();
  // U = 0 would be -inf: half a step of float's uniforms above it.
  for (int64_t i = 0; i < gumbel_.numel(); ++i) g[i] = -Log(-Log(std::max(g[i], kUniformMin)));
}

SacNoise SacLearner::NoiseTensors() const {
  const at::Tensor noise = noise_.to(device_);
  SacNoise drawn = {noise.select(0, 0), router_uniform_.to(device_), {noise.select(0, 1)}};
  if (options_.estimator == Estimator::kReinforce) {
    drawn.policy.primitive = drawn_uniform_.to(device_);
  }
  if (options_.estimator == Estimator::kGumbel) {
    drawn.policy.gumbel = gumbel_.to(device_);
    drawn.policy.gumbel_tau = GumbelTau();
  }
  return drawn;
}

std::shared_ptr<const PolicySnapshot> SacLearner::Snapshot(uint64_t version,
                                                           uint64_t env_steps) const {
  // Members are the outermost dimension of each parameter, so with one member the flat vector is
  // the snapshot.
  PMOE_CHECK(options_.members == 1);
  return MakeSnapshot(policy_, version, env_steps, update_.actor());
}

LearnerStats SacLearner::DrainStats() { return stats_.Drain(stat_names_, policy_.head); }

void SacLearner::SaveState(ContainerWriter* out) const {
  ByteWriter tensors, counters;
  update_.nets().SaveState(&tensors);
  noise_rng_.SaveState(&counters);
  router_rng_.SaveState(&counters);
  counters.Pod(updates_);
  counters.Pod(stats_.count);
  counters.Vector(stats_.sums);
  out->Add("learner.tensors", tensors.Take());
  out->Add("learner.counters", counters.Take());
}

absl::Status SacLearner::LoadState(const ContainerReader& in) {
  PMOE_ASSIGN_OR_RETURN(const absl::string_view tensors, in.Section("learner.tensors"));
  PMOE_ASSIGN_OR_RETURN(const absl::string_view counters, in.Section("learner.counters"));
  ByteReader tensor_reader(tensors);
  PMOE_RETURN_IF_ERROR(update_.nets().LoadState(&tensor_reader));
  PMOE_RETURN_IF_ERROR(tensor_reader.Finish("checkpoint: learner.tensors"));
  if (fast_) fast_->Reload();
  ByteReader reader(counters);
  PMOE_RETURN_IF_ERROR(noise_rng_.LoadState(&reader));
  PMOE_RETURN_IF_ERROR(router_rng_.LoadState(&reader));
  reader.Pod(&updates_);
  reader.Pod(&stats_.count);
  reader.Fill(absl::MakeSpan(stats_.sums));
  return reader.Finish("checkpoint: learner.counters");
}

absl::StatusOr<std::unique_ptr<Learner>> MakeSacLearner(const SacOptions& options,
                                                        const PolicySpec& policy) {
  PMOE_RETURN_IF_ERROR(options.Validate());
  PMOE_RETURN_IF_ERROR(policy.Validate());
  PMOE_RETURN_IF_ERROR(CheckDevice(options.device));
  at::set_num_threads(options.threads);
  return std::unique_ptr<Learner>(
      std::make_unique<SacLearner>(options, policy, at::Device(options.device)));
}

}  // namespace pmoe
