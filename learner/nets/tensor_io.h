// Flat float tensors to and from checkpoint bytes, on any device.
#pragma once

#include "ATen/core/Tensor.h"
#include "common/base/bytes.h"

namespace pmoe {

void SaveTensor(const at::Tensor& tensor, ByteWriter* out);
// Into a tensor of the same number of elements; DataLossError otherwise.
absl::Status LoadTensor(ByteReader* in, at::Tensor* tensor);

}  // namespace pmoe
