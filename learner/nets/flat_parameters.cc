#include "learner/nets/flat_parameters.h"

#include "ATen/ops/zeros.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"

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
                               const at::Device& device, at::ScalarType type)
    : layout_(layers, members, copies) {
  const c10::AutoGradMode no_grad(false);
  const auto options = at::TensorOptions().dtype(type).device(device);
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

}  // namespace pmoe
