#include "learner/nets/tensor_io.h"

#include "ATen/ops/empty_like.h"
#include "c10/core/GradMode.h"

namespace pmoe {

void SaveTensor(const at::Tensor& tensor, ByteWriter* out) {
  const at::Tensor host = tensor.detach().cpu().contiguous();
  out->Vector(absl::Span<const float>(host.data_ptr<float>(), static_cast<size_t>(host.numel())));
}

absl::Status LoadTensor(ByteReader* in, at::Tensor* tensor) {
  const c10::AutoGradMode no_grad(false);
  at::Tensor host = at::empty_like(*tensor, at::TensorOptions().device(at::kCPU));
  in->Fill(absl::Span<float>(host.data_ptr<float>(), static_cast<size_t>(host.numel())));
  if (!in->ok())
    return absl::DataLossError("checkpoint: a tensor's size does not fit this configuration");
  tensor->copy_(host);
  return absl::OkStatus();
}

}  // namespace pmoe
