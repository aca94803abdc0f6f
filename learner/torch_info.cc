#include "learner/torch_info.h"

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>

#include "ATen/Context.h"
#include "absl/strings/str_cat.h"
#include "torch/headeronly/version.h"

namespace pmoe {
namespace {

constexpr int kMappedBytes = 32 << 20;  // from here on straight from the kernel: glibc's maximum
constexpr int kKeptBytes = 512 << 20;   // at the heap's end, for the next update

}  // namespace

std::string TorchVersion() { return TORCH_VERSION; }

absl::Status CheckDevice(const std::string& device) {
  if (device == "cpu") return absl::OkStatus();
  if (device != "cuda") {
    return absl::InvalidArgumentError(
        absl::StrCat("learner.device must be cpu or cuda, got '", device, "'"));
  }
  // The CUDA half of LibTorch registers itself when it is loaded, which must be before the first
  // tensor.
  dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
  if (at::hasCUDA()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "learner.device is cuda, but no GPU can be used here: `nvidia-smi -L` must list one, and "
      "LibTorch must have CUDA (pip install torch with all it needs; in a checkout remove .deps "
      "and "
      "run ./pmoe build on a machine with a GPU); `pmoe doctor --for cuda` looks; or use --device "
      "cpu");
}

void PrepareMathLibraries() {
  setenv("MKL_CBWR", "AUTO", /*overwrite=*/0);
  mallopt(M_MMAP_THRESHOLD, kMappedBytes);
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
}

void WaitWithoutSpinning(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/1);
  execv("/proc/self/exe", argv);  // returns only on failure: then it spins
}

}  // namespace pmoe
