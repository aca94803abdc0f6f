#include "run/manifest.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/build_info.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown";
}

}  // namespace

std::string MakeManifest(const RunConfig& config, const std::string& simulator,
                         const std::string& libtorch) {
  const char* mkl_mode = std::getenv("MKL_CBWR");
  const nlohmann::ordered_json manifest = {
      {"pmoe", BuildVersion()},
      {"commit", BuildCommit()},
      {"simulator", simulator},
      {"libtorch", libtorch},
      {"cpu", CpuModel()},
      {"host", HostName()},
      {"learner_threads", config.learner().threads()},
      {"blas", "MKL inside LibTorch"},
      {"mkl_cbwr", mkl_mode == nullptr ? "" : mkl_mode},
      {"started", absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::LocalTimeZone())},
  };
  return manifest.dump(2) + "\n";
}

}  // namespace pmoe
