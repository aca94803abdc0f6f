#include "learner/nets/tied_heads.h"

#include <algorithm>
#include <cmath>

#include "ATen/TensorOperators.h"
#include "ATen/ops/zeros.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/nets/optimizer.h"
#include "learner/nets/tensor_io.h"

namespace pmoe {
namespace {

const std::optional<double>* TieOf(const HeadTie& tie, const std::string& layer) {
  if (layer == "mean") return &tie.mean;
  return layer == "log_std" ? &tie.log_std : nullptr;
}

Share Common(Share share, Share other) {
  return {std::max(share.begin, other.begin), std::min(share.end, other.end)};
}

// AdamStep's formula (learner/kernels/adam.cc) for n gradients g of S: what it moves by, and each
// number's step per unit of a first moment.
template <typename T>
void MoveShared(const AdamFactors<T>& f, long n, const T* g, T* __restrict first,
                T* __restrict second, T* __restrict step, T* __restrict per_moment) {
  constexpr T kBeta1 = kAdamBeta1, kBeta2 = kAdamBeta2, kOne = 1;
  for (long i = 0; i < n; ++i) {
    const T scaled = g[i] * f.gradient;
    const T m = kBeta1 * first[i] + (kOne - kBeta1) * scaled;
    const T v = kBeta2 * second[i] + (kOne - kBeta2) * scaled * scaled;
    first[i] = m;
    second[i] = v;
    per_moment[i] = f.step_size / (std::sqrt(v) * f.inv_sqrt_correction2 + f.epsilon);
    step[i] = -per_moment[i] * m;
  }
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
      parts_.push_back({begin, rows, rows_, **scale});
      rows_ += rows;
      if (begin > done) others_.push_back({done, begin});
      done = begin + rows * parameter.cols;
    }
  }
  if (parts_.empty()) return;
  others_.push_back({done, static_cast<long>(layout.total())});
  const at::TensorOptions like = parameters.values().options().requires_grad(false);
  first_ = at::zeros({rows_, actions_}, like);
  second_ = at::zeros_like(first_);
  scratch_ = at::zeros({rows_, 3, actions_}, like);
}

template <typename T>
void TiedHeads::StepRow(const AdamFactors<T>& factors, const AdamArrays<T>& arrays,
                        const Part& part, long row) {
  const long width = primitives_ * actions_, at = part.begin + row * width;
  const long shared = (part.rows_before + row) * actions_;
  T* const sum = scratch_.data_ptr<T>() + 3 * shared;
  T* const step = sum + actions_;
  T* const per_moment = step + actions_;
  const T* const g = arrays.gradient + at;
  T* const values = arrays.values + at;
  T* const first = arrays.first + at;
  std::fill_n(sum, actions_, T{0});
  for (long k = 0; k < primitives_; ++k) {
    for (long i = 0; i < actions_; ++i) sum[i] += g[k * actions_ + i];
  }
  MoveShared(factors, actions_, sum, first_.data_ptr<T>() + shared, second_.data_ptr<T>() + shared,
             step, per_moment);
  constexpr T kBeta1 = kAdamBeta1, kOne = 1;
  const T c = static_cast<T>(part.scale), share = kOne / static_cast<T>(primitives_);
  for (long k = 0; k < primitives_; ++k) {
    for (long i = 0; i < actions_; ++i) {
      const long own = k * actions_ + i;
      const T apart = (g[own] - sum[i] * share) * factors.gradient;
      const T m = kBeta1 * first[own] + (kOne - kBeta1) * apart;
      first[own] = m;
      values[own] += step[i] - c * per_moment[i] * m;
    }
  }
  if (arrays.target == nullptr) return;
  T* const target = arrays.target + at;
  for (long i = 0; i < width; ++i) target[i] += factors.tau * (values[i] - target[i]);
}

template <typename T>
void TiedHeads::StepHeads(const AdamFactors<T>& factors, const AdamArrays<T>& arrays, Share rows) {
  for (const Part& part : parts_) {
    const Share own = Common(rows, {part.rows_before, part.rows_before + part.rows});
    for (long i = own.begin; i < own.end; ++i) StepRow(factors, arrays, part, i - part.rows_before);
  }
}

template <typename T>
void TiedHeads::StepOthers(const AdamFactors<T>& factors, const AdamArrays<T>& arrays,
                           Share share) const {
  for (const Share& other : others_) {
    const Share own = Common(share, other);
    if (own.size() > 0) AdamStep(factors, arrays, own);
  }
}

template <typename T>
double TiedHeads::NormExcess(const T* gradient) const {
  double excess = 0.0;
  const double share = 1.0 / static_cast<double>(primitives_);
  for (const Part& part : parts_) {
    double of_sums = 0.0, of_heads = 0.0;
    for (long row = 0; row < part.rows; ++row) {
      const T* const g = gradient + part.begin + row * primitives_ * actions_;
      for (long i = 0; i < actions_; ++i) {
        double sum = 0.0;
        for (long k = 0; k < primitives_; ++k) {
          const double own = static_cast<double>(g[k * actions_ + i]);
          sum += own;
          of_heads += own * own;
        }
        of_sums += sum * sum;
      }
    }
    excess += of_sums - of_heads + part.scale * part.scale * (of_heads - of_sums * share);
  }
  return excess;
}

at::Tensor TiedHeads::NormExcess(const at::Tensor& gradient) const {
  at::Tensor excess = at::zeros({}, gradient.options());
  for (const Part& part : parts_) {
    const at::Tensor g = gradient.narrow(0, part.begin, part.rows * primitives_ * actions_)
                             .view({part.rows, primitives_, actions_});
    const at::Tensor of_sums = g.sum(1).square().sum(), of_heads = g.square().sum();
    const double apart = part.scale * part.scale;
    excess = excess + of_sums - of_heads +
             (of_heads - of_sums / static_cast<double>(primitives_)) * apart;
  }
  return excess;
}

void TiedHeads::StepByOperators(const AdamFactors<double>& factors, at::Tensor* values,
                                at::Tensor* gradient, at::Tensor* first, at::Tensor* second) {
  const c10::AutoGradMode no_grad(false);
  for (const Part& part : parts_) {
    const auto heads = [&](const at::Tensor& x) {
      return x.narrow(0, part.begin, part.rows * primitives_ * actions_)
          .view({part.rows, primitives_, actions_});
    };
    const auto shared = [&](const at::Tensor& x) {
      return x.narrow(0, part.rows_before, part.rows);
    };
    const at::Tensor g = heads(*gradient), m = heads(*first), v = shared(second_);
    at::Tensor sum = g.sum(1), step = at::zeros_like(sum), m_shared = shared(first_), v_shared = v;
    m.mul_(kAdamBeta1).add_((g - g.mean(1, /*keepdim=*/true)) * factors.gradient, 1.0 - kAdamBeta1);
    AdamByOperators(factors, &step, &sum, &m_shared, &v_shared);
    const at::Tensor per_moment =
        (v.sqrt() * factors.inv_sqrt_correction2 + factors.epsilon).reciprocal();
    heads(*values).add_(step.unsqueeze(1) -
                        m * per_moment.unsqueeze(1) * (part.scale * factors.step_size));
    g.zero_();
  }
  for (const Share& other : others_) {
    const auto own = [&](const at::Tensor& x) { return x.narrow(0, other.begin, other.size()); };
    at::Tensor v = own(*values), g = own(*gradient), m = own(*first), s = own(*second);
    AdamByOperators(factors, &v, &g, &m, &s);
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
    const auto begin = [&](const at::Tensor& common, const at::Tensor& each) {
      if (each.numel() == 0) return;
      const at::Tensor heads =
          each.view({each.size(0), each.size(1), policy.primitives, policy.action_dim});
      const at::Tensor apart = (heads - heads.mean(2, /*keepdim=*/true)) * init;
      heads.copy_(common.unsqueeze(2) + apart);
    };
    begin(from.weight, to.weight);
    begin(from.bias, to.bias);
  }
}

#define PMOE_INSTANTIATE(T)                                                               \
  template double TiedHeads::NormExcess(const T*) const;                                  \
  template void TiedHeads::StepHeads(const AdamFactors<T>&, const AdamArrays<T>&, Share); \
  template void TiedHeads::StepOthers(const AdamFactors<T>&, const AdamArrays<T>&, Share) const
PMOE_INSTANTIATE(float);
PMOE_INSTANTIATE(double);
#undef PMOE_INSTANTIATE

}  // namespace pmoe
