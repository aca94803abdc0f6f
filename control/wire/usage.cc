#include "control/wire/usage.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace pmoe {
namespace {

constexpr unsigned kGpusMax = 16;
constexpr int kNvmlSuccess = 0;

// As nvml.h has them.
using NvmlDevice = void*;
struct NvmlUtilization {
  unsigned gpu;  // percent
  unsigned memory;
};
struct NvmlMemory {
  unsigned long long total, free, used;  // bytes
};

}  // namespace

struct GpuMeter::Driver {
  void* library = nullptr;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*device)(unsigned, NvmlDevice*) = nullptr;
  int (*name)(NvmlDevice, char*, unsigned) = nullptr;
  int (*utilization)(NvmlDevice, NvmlUtilization*) = nullptr;
  int (*memory)(NvmlDevice, NvmlMemory*) = nullptr;

  ~Driver() {
    if (library == nullptr) return;
    if (shutdown != nullptr) shutdown();
    ::dlclose(library);
  }
  template <class Function>
  bool Find(const char* symbol, Function** function) {
    *function = reinterpret_cast<Function*>(::dlsym(library, symbol));
    return *function != nullptr;
  }
  bool Open(const std::string& path) {
    library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    return library != nullptr && Find("nvmlInit_v2", &init) && Find("nvmlShutdown", &shutdown) &&
           Find("nvmlDeviceGetCount_v2", &count) &&
           Find("nvmlDeviceGetHandleByIndex_v2", &device) && Find("nvmlDeviceGetName", &name) &&
           Find("nvmlDeviceGetUtilizationRates", &utilization) &&
           Find("nvmlDeviceGetMemoryInfo", &memory) && init() == kNvmlSuccess;
  }
};

ProcessUsage MeasureUsage(ProcessMeter* meter) {
  const ProcessLoad load = meter->Look();
  ProcessUsage usage;
  usage.set_cpu_cores(load.cpu_cores);
  usage.set_memory_bytes(load.memory_bytes);
  usage.set_cpu_s(load.cpu_s);
  usage.set_cores(static_cast<uint32_t>(load.cores));
  return usage;
}

GpuMeter::GpuMeter(const std::string& driver_file, const std::string& library) {
  if (::access(driver_file.c_str(), F_OK) != 0) return;
  auto driver = std::make_unique<Driver>();
  if (driver->Open(library)) driver_ = std::move(driver);
}

GpuMeter::~GpuMeter() = default;

std::vector<GpuUsage> GpuMeter::Look() {
  std::vector<GpuUsage> gpus;
  unsigned count = 0;
  if (driver_ == nullptr || driver_->count(&count) != kNvmlSuccess) return gpus;
  for (unsigned index = 0; index < std::min(count, kGpusMax); ++index) {
    NvmlDevice device = nullptr;
    NvmlUtilization utilization{};
    NvmlMemory memory{};
    if (driver_->device(index, &device) != kNvmlSuccess ||
        driver_->utilization(device, &utilization) != kNvmlSuccess ||
        driver_->memory(device, &memory) != kNvmlSuccess) {
      continue;  // one of another's, or without these counters
    }
    char name[96] = {};
    driver_->name(device, name, sizeof(name) - 1);
    GpuUsage& gpu = gpus.emplace_back();
    gpu.set_index(index);
    gpu.set_name(name);
    gpu.set_busy(utilization.gpu / 100.0);
    gpu.set_memory_used_bytes(static_cast<int64_t>(memory.used));
    gpu.set_memory_total_bytes(static_cast<int64_t>(memory.total));
  }
  return gpus;
}

}  // namespace pmoe
