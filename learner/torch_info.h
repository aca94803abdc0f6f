// What the rest of the program may ask about LibTorch without including it.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace pmoe {

std::string TorchVersion();
// FailedPreconditionError with the fix when `device` ("cpu" or "cuda") cannot be used here.
absl::Status CheckDevice(const std::string& device);
// First thing in a process that updates, before any tensor. Pins MKL to one code path, so that
// equal inputs give equal bits by autograd, whatever their addresses; and lets the allocator keep
// what an update frees: given back to the kernel and faulted in by the next one, it cost a quarter
// of the time.
void PrepareMathLibraries();
// First thing in a main. A thread of LibTorch's pool that spins for a team mate which is not
// running starves it: beside any load, updates become a hundred times slower. libgomp reads its
// policy when it is loaded, before main, so the process starts itself once more unless
// OMP_WAIT_POLICY is set.
void WaitWithoutSpinning(char** argv);

}  // namespace pmoe
