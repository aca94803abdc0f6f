#include "learner/nets/dense.h"

#include "ATen/ops/addmm.h"
#include "ATen/ops/baddbmm.h"
#include "ATen/ops/relu.h"
#include "ATen/ops/tanh.h"

namespace pmoe {

at::Tensor Dense(const at::Tensor& x, const DenseParameters& parameters, Activation activation) {
  // One group is the common case, and a plain GEMM is faster than a batched one of batch 1.
  const at::Tensor y = x.size(0) == 1 ? at::addmm(parameters.bias.squeeze(0), x.squeeze(0),
                                                  parameters.weight.squeeze(0))
                                            .unsqueeze(0)
                                      : at::baddbmm(parameters.bias, x, parameters.weight);
  switch (activation) {
    case Activation::kRelu:
      return at::relu(y);
    case Activation::kTanh:
      return at::tanh(y);
    case Activation::kIdentity:
      break;
  }
  return y;
}

}  // namespace pmoe
