#include "learner/nets/flat_parameters.h"

#include <cmath>

#include "ATen/ops/empty.h"
#include "ATen/ops/zeros.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "common/base/rng.h"

namespace pmoe {
namespace {

at::Tensor Slice(const at::Tensor& flat, const Parameter& parameter, int groups) {
  const int64_t size = int64_t{groups} * parameter.rows * parameter.cols;
  return flat.narrow(0, static_cast<int64_t>(parameter.offset), size)
      .view({groups, parameter.rows, parameter.cols})
      .detach();
}

}  // namespace

FlatParameters::FlatParameters(absl::Span<const DenseLayer> layers, int members, int copies,
                               const at::Device& device)
    : layout_(layers, members, copies) {
  const c10::AutoGradMode no_grad(false);
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  values_ = at::zeros({static_cast<int64_t>(layout_.total())}, options);
  gradient_ = at::zeros_like(values_);
  const int groups = members * copies;
  const std::vector<Parameter>& all = layout_.parameters();
  for (size_t i = 0; i < all.size(); i += 2) {
    const auto leaf = [&](const Parameter& parameter) {
      at::Tensor tensor = Slice(values_, parameter, groups).requires_grad_(true);
      tensor.mutable_grad() = Slice(gradient_, parameter, groups);
      return tensor;
    };
    trained_.push_back({leaf(all[i]), leaf(all[i + 1])});
    frozen_.push_back({Slice(values_, all[i], groups), Slice(values_, all[i + 1], groups)});
  }
}

void InitUniformFanIn(uint64_t seed, uint32_t first_stream, FlatParameters* parameters) {
  const c10::AutoGradMode no_grad(false);
  const ParameterLayout& layout = parameters->layout();
  at::Tensor host = at::zeros({static_cast<int64_t>(layout.total())}, at::kFloat);
  float* values = host.data_ptr<float>();
  for (size_t i = 0; i < layout.parameters().size(); i += 2) {
    const Parameter& weight = layout.parameters()[i];
    const Parameter& bias = layout.parameters()[i + 1];
    const float bound = 1.0f / std::sqrt(static_cast<float>(weight.rows));
    const size_t weights = static_cast<size_t>(weight.rows) * weight.cols;
    for (int group = 0; group < layout.members() * layout.copies(); ++group) {
      Rng rng(seed, RngRole::kInit, first_stream + static_cast<uint32_t>(i / 2),
              group / layout.copies(), group % layout.copies());
      const auto draw = [&] { return (2.0f * rng.UniformFloat() - 1.0f) * bound; };
      float* w = values + weight.offset + group * weights;
      for (size_t j = 0; j < weights; ++j) w[j] = draw();
      float* b = values + bias.offset + static_cast<size_t>(group) * bias.cols;
      for (int j = 0; j < bias.cols; ++j) b[j] = draw();
    }
  }
  parameters->values().copy_(host);
}

}  // namespace pmoe
