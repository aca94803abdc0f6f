// LibTorch's meta device: tensors with a shape and no numbers. Whatever reads a number (item(),
// cpu()) throws there, and so does an operator on two devices. On a GPU the first would wait for
// the device, and neither could be captured as a graph; a test on meta finds both on any machine.
#pragma once

#include "ATen/core/Tensor.h"

namespace pmoe {

// The first call completes it: LibTorch has the shapes of a few operators in Python only.
at::Device MetaDevice();

}  // namespace pmoe
