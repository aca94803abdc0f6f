// What the rest of the program may ask about LibTorch without including it.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace pmoe {

std::string TorchVersion();
// FailedPreconditionError with the fix when `device` ("cpu" or "cuda") cannot be used here.
absl::Status CheckDevice(const std::string& device);
// First thing in a process that updates, before any tensor. Pins MKL to one code path, so that
// equal inputs give equal bits whatever their addresses; and lets the allocator keep what an update
// frees: given back to the kernel and faulted in by the next one, it cost a quarter of the time.
void PrepareMathLibraries();

}  // namespace pmoe
