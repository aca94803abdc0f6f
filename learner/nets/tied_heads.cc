#include "learner/nets/tied_heads.h"

#include <algorithm>

#include "ATen/TensorOperators.h"
#include "ATen/ops/zeros.h"
#include "c10/core/GradMode.h"
#include "learner/nets/optimizer.h"
#include "learner/nets/tensor_io.h"

namespace pmoe {
namespace {

const std::optional<double>* TieOf(const HeadTie& tie, const std::string& layer) {
  if (layer == "mean") return &tie.mean;
  return layer == "log_std" ? &tie.log_std : nullptr;
}

// With c R_k for R_k: Adam's step of c g_k is that of g_k with epsilon / c, and W_k moves by c of
// it.
template <typename T>
AdamFactors<T> Scaled(AdamFactors<T> factors, double c) {
  if (c == 1.0) return factors;
  factors.step_size *= static_cast<T>(c);
  factors.epsilon /= static_cast<T>(c);  // c = 0: infinite, so that R_k stays
  return factors;
}

Share Common(Share share, long begin, long end) {
  return {std::max(share.begin, begin), std::min(share.end, end)};
}

}  // namespace

TiedHeads::TiedHeads(const PolicySpec& policy, const HeadTie& tie, const FlatParameters& parameters)
    : primitives_(policy.primitives), actions_(policy.action_dim) {
  const ParameterLayout& layout = parameters.layout();
  long done = 0;
  for (size_t i = 0; i < policy.layers.size() && primitives_ > 1; ++i) {
    const std::optional<double>* const scale = TieOf(tie, policy.layers[i].name);
    if (scale == nullptr || !scale->has_value()) continue;
    for (const size_t at : {2 * i, 2 * i + 1}) {
      const Parameter& parameter = layout.parameters()[at];
      const long rows = long{layout.members()} * parameter.rows;
      if (rows == 0) continue;
      const long begin = static_cast<long>(parameter.offset);
      const long end = begin + rows * parameter.cols;
      parts_.push_back({begin, rows, size_, **scale});
      size_ += rows * actions_;
      if (begin > done) stretches_.push_back({done, begin, 1.0});
      stretches_.push_back({begin, end, **scale});
      done = end;
    }
  }
  if (parts_.empty()) return;
  stretches_.push_back({done, static_cast<long>(layout.total()), 1.0});
  const at::TensorOptions like = parameters.values().options().requires_grad(false);
  for (at::Tensor* const x : {&step_, &gradient_, &first_, &second_}) *x = at::zeros({size_}, like);
}

// Of S, and what Adam starts from: only what it moves by is wanted.
template <typename T>
void TiedHeads::GatherShared(const T* gradient, Share share) {
  T* const sums = gradient_.data_ptr<T>();
  T* const step = step_.data_ptr<T>();
  for (const Part& part : parts_) {
    const Share own = Common(share, part.shared_begin, part.shared_begin + part.rows * actions_);
    for (long i = own.begin; i < own.end; ++i) {
      const long at = i - part.shared_begin;
      const T* const first =
          gradient + part.begin + at / actions_ * primitives_ * actions_ + at % actions_;
      T sum = 0;
      for (long k = 0; k < primitives_; ++k) sum += first[k * actions_];
      sums[i] = sum;
      step[i] = 0;
    }
  }
}

template <typename T>
void TiedHeads::AddShared(T* values, Share share) const {
  const T* const step = step_.data_ptr<T>();
  for (const Part& part : parts_) {
    const Share own = Common(share, part.shared_begin, part.shared_begin + part.rows * actions_);
    for (long i = own.begin; i < own.end; ++i) {
      const long at = i - part.shared_begin;
      T* const first = values + part.begin + at / actions_ * primitives_ * actions_ + at % actions_;
      for (long k = 0; k < primitives_; ++k) first[k * actions_] += step[i];
    }
  }
}

template <typename T>
void TiedHeads::StepShared(const AdamFactors<T>& factors, const AdamArrays<T>& arrays,
                           Share share) {
  GatherShared(arrays.gradient, share);
  AdamStep(
      factors,
      {step_.data_ptr<T>(), gradient_.data_ptr<T>(), first_.data_ptr<T>(), second_.data_ptr<T>()},
      share);
  AddShared(arrays.values, share);
}

template <typename T>
void TiedHeads::StepEach(const AdamFactors<T>& factors, const AdamArrays<T>& arrays,
                         Share share) const {
  for (const Stretch& stretch : stretches_) {
    const Share own = Common(share, stretch.begin, stretch.end);
    if (own.size() > 0) AdamStep(Scaled(factors, stretch.scale), arrays, own);
  }
}

void TiedHeads::StepByOperators(const AdamFactors<double>& factors, at::Tensor* values,
                                at::Tensor* gradient, at::Tensor* first, at::Tensor* second) {
  const c10::AutoGradMode no_grad(false);
  const auto heads = [&](const at::Tensor& x, const Part& part) {
    return x.narrow(0, part.begin, part.rows * primitives_ * actions_)
        .view({part.rows, primitives_, actions_});
  };
  step_.zero_();
  for (const Part& part : parts_) {
    gradient_.narrow(0, part.shared_begin, part.rows * actions_)
        .copy_(heads(*gradient, part).sum(1).flatten());
  }
  AdamByOperators(factors, &step_, &gradient_, &first_, &second_);
  for (const Part& part : parts_) {
    heads(*values, part)
        .add_(step_.narrow(0, part.shared_begin, part.rows * actions_)
                  .view({part.rows, 1, actions_}));
  }
  for (const Stretch& stretch : stretches_) {
    const auto own = [&](const at::Tensor& x) {
      return x.narrow(0, stretch.begin, stretch.end - stretch.begin);
    };
    at::Tensor v = own(*values), g = own(*gradient), m = own(*first), s = own(*second);
    AdamByOperators(Scaled(factors, stretch.scale), &v, &g, &m, &s);
  }
}

void TiedHeads::SaveState(ByteWriter* out) const {
  if (empty()) return;
  SaveTensor(first_, out);
  SaveTensor(second_, out);
}

absl::Status TiedHeads::LoadState(ByteReader* in) {
  if (empty()) return absl::OkStatus();
  absl::Status status = LoadTensor(in, &first_);
  if (status.ok()) status = LoadTensor(in, &second_);
  return status;
}

std::vector<DenseLayer> SharedHeadLayers(const PolicySpec& policy) {
  std::vector<DenseLayer> layers;
  for (const char* const name : {"mean", "log_std"}) {
    DenseLayer layer = *policy.FindLayer(name);
    layer.inputs = layer.weight_rows();
    layer.outputs = policy.action_dim;
    layer.blocks = 1;
    layers.push_back(layer);
  }
  return layers;
}

void InitTied(const PolicySpec& policy, const HeadTie& tie, const FlatParameters& shared,
              FlatParameters* parameters) {
  const c10::AutoGradMode no_grad(false);
  if (policy.primitives == 1) return;
  for (size_t i = 0; i < policy.layers.size(); ++i) {
    const std::string& name = policy.layers[i].name;
    const std::optional<double>* const scale = TieOf(tie, name);
    if (scale == nullptr || !scale->has_value()) continue;
    const double init = **scale == 0.0 ? 0.0 : tie.init;
    const DenseParameters& from = shared.Frozen(name == "mean" ? 0 : 1);
    const DenseParameters& to = parameters->Frozen(static_cast<int>(i));
    const auto add = [&](const at::Tensor& common, at::Tensor each) {
      if (each.numel() > 0) each.mul_(init).add_(common.repeat({1, 1, policy.primitives}));
    };
    add(from.weight, to.weight);
    add(from.bias, to.bias);
  }
}

#define PMOE_INSTANTIATE(T)                                                                \
  template void TiedHeads::StepShared(const AdamFactors<T>&, const AdamArrays<T>&, Share); \
  template void TiedHeads::StepEach(const AdamFactors<T>&, const AdamArrays<T>&, Share) const
PMOE_INSTANTIATE(float);
PMOE_INSTANTIATE(double);
#undef PMOE_INSTANTIATE

}  // namespace pmoe
