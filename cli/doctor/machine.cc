#include "cli/doctor/machine.h"

#include <gnu/libc-version.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/memory_limit.h"
#include "common/base/package.h"
#include "control/wire/usage.h"
#include "run/learner_threads.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

// What follows `key` and `separator` in a file of such lines; empty: it has none.
std::string Value(const std::string& file, absl::string_view key, char separator) {
  const absl::StatusOr<std::string> text = ReadText(file);
  if (!text.ok()) return "";
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (!absl::ConsumePrefix(&line, key)) continue;
    line = absl::StripLeadingAsciiWhitespace(line);
    if (line.empty() || line.front() != separator) continue;
    line.remove_prefix(1);
    return std::string(
        absl::StripSuffix(absl::StripPrefix(absl::StripAsciiWhitespace(line), "\""), "\""));
  }
  return "";
}

std::string System() {
  utsname name{};
  ::uname(&name);
  const std::string os = Value("/etc/os-release", "PRETTY_NAME", '=');
  return absl::StrCat(os.empty() ? "unknown system" : os, ", ", name.sysname, " ", name.release,
                      ", glibc ", gnu_get_libc_version());
}

// This binary needs v3 itself.
std::string Vectors() { return __builtin_cpu_supports("x86-64-v4") ? "x86-64-v4" : "x86-64-v3"; }

int64_t FreeMemory() {
  int64_t kib = 0;
  const std::string text = Value("/proc/meminfo", "MemAvailable", ':');
  return absl::SimpleAtoi(absl::StripSuffix(text, " kB"), &kib) ? kib * 1024 : 0;
}

}  // namespace

std::string TemporaryFolder() {
  const char* const given = std::getenv("TMPDIR");
  return given == nullptr || *given == '\0' ? "/tmp" : given;
}

std::string TorchFlavour(const std::string& site_packages) {
  std::error_code ignored;
  const fs::path site(site_packages);
  if (!fs::exists(site / "torch/lib/libtorch_cuda.so", ignored)) return "cpu";
  if (fs::is_directory(site / "nvidia/cudnn", ignored)) return "cuda";
  return "CPU only, NVIDIA's libraries are not installed";
}

std::string Gigabytes(double bytes) { return absl::StrFormat("%.1f GB", bytes / 1e9); }

Machine LookAtMachine() {
  Machine machine;
  machine.system = System();
  machine.cpu = Value("/proc/cpuinfo", "model name", ':');
  machine.vectors = Vectors();
  const Cores cores = FreeCores(RunConfig());
  machine.cores_online = cores.online;
  machine.cores_usable = cores.usable;
  machine.load = cores.load;
  struct sysinfo info {};
  if (::sysinfo(&info) == 0) {
    machine.memory_bytes = static_cast<int64_t>(info.totalram) * info.mem_unit;
  }
  machine.memory_limit_bytes = MemoryLimit();
  machine.memory_free_bytes = FreeMemory();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    machine.descriptors = limit.rlim_cur;
    machine.descriptors_max = limit.rlim_max;
  }
  machine.gpus = GpuMeter().Look();
  const absl::StatusOr<std::string> driver = ReadText("/sys/module/nvidia/version");
  if (driver.ok()) machine.gpu_driver = std::string(absl::StripAsciiWhitespace(*driver));
  machine.torch = FoundVersion("torch");
  if (!machine.torch.empty()) machine.torch_flavour = TorchFlavour(SitePackages());
  machine.here = DiskSpaceAt(".");
  machine.temporary = DiskSpaceAt(TemporaryFolder());
  return machine;
}

}  // namespace pmoe
