#include "learner/nets/dense.h"

#include "ATen/TensorOperators.h"
#include "ATen/ops/addmm.h"
#include "ATen/ops/baddbmm.h"
#include "ATen/ops/matmul.h"
#include "ATen/ops/relu.h"
#include "ATen/ops/sigmoid.h"
#include "ATen/ops/softplus.h"
#include "ATen/ops/tanh.h"

namespace pmoe {
namespace {

// [G, B, blocks * n] of one GEMM per group and block.
at::Tensor BlockProduct(const at::Tensor& x, const DenseParameters& parameters,
                        const DenseLayer& layer) {
  const int64_t groups = x.size(0), batch = x.size(1), blocks = layer.blocks;
  const at::Tensor parts =
      x.reshape({groups, batch, blocks, layer.weight_rows()}).transpose(1, 2);  // [G, b, B, m]
  const at::Tensor weight =
      parameters.weight.view({groups, layer.weight_rows(), blocks, layer.outputs / blocks})
          .transpose(1, 2);  // [G, b, m, n]
  return at::matmul(parts, weight).transpose(1, 2).reshape({groups, batch, layer.outputs}) +
         parameters.bias;
}

at::Tensor Product(const at::Tensor& x, const DenseParameters& parameters,
                   const DenseLayer& layer) {
  if (layer.inputs == 0) return parameters.bias.expand({-1, x.size(1), -1});
  if (layer.blocks > 1) return BlockProduct(x, parameters, layer);
  // One group is the common case, and a plain GEMM is faster than a batched one of batch 1.
  if (x.size(0) == 1) {
    return at::addmm(parameters.bias.squeeze(0), x.squeeze(0), parameters.weight.squeeze(0))
        .unsqueeze(0);
  }
  return at::baddbmm(parameters.bias, x, parameters.weight);
}

}  // namespace

at::Tensor Dense(const at::Tensor& x, const DenseParameters& parameters, const DenseLayer& layer) {
  const at::Tensor y = Product(x, parameters, layer);
  switch (layer.activation) {
    case Activation::kRelu:
      return at::relu(y);
    case Activation::kTanh:
      return at::tanh(y);
    case Activation::kSigmoid:
      return at::sigmoid(y);
    case Activation::kLogSoftplus:
      return at::softplus(y).log();
    case Activation::kIdentity:
      break;
  }
  return y;
}

}  // namespace pmoe
