// What the rest of the program may ask about LibTorch without including it.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace pmoe {

std::string TorchVersion();
// FailedPreconditionError with the fix when `device` ("cpu" or "cuda") cannot be used here.
absl::Status CheckDevice(const std::string& device);
// Pins MKL to one code path, so that equal inputs give equal bits whatever their addresses. Call
// before any tensor.
void PinMathLibraries();

}  // namespace pmoe
