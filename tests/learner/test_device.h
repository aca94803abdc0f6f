// Where LibTorch's side of the oracle tests runs: PMOE_TEST_DEVICE, cpu unless it is set. The side
// that is compared with it is on the CPU.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "ATen/core/Tensor.h"
#include "learner/torch_info.h"

namespace pmoe {

// Ends the test with exit code 2 and the reason if the device cannot be used.
inline at::Device TestDevice() {
  static const at::Device device = [] {
    const char* const name = std::getenv("PMOE_TEST_DEVICE");
    if (name == nullptr) return at::Device(at::kCPU);
    const absl::Status usable = CheckDevice(name);
    if (!usable.ok()) {
      std::fprintf(stderr, "PMOE_TEST_DEVICE: %s\n", std::string(usable.message()).c_str());
      std::exit(2);
    }
    return at::Device(name);
  }();
  return device;
}

// The CUDA half of LibTorch must be loaded before the first tensor is made.
inline const bool kTestDeviceLoaded = (TestDevice(), true);

}  // namespace pmoe
