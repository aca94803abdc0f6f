#include "cli/doctor/needs.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/doctor/probe.h"
#include "cli/up/socket_folder.h"
#include "common/base/build_info.h"
#include "common/base/listener.h"
#include "common/base/package.h"

namespace pmoe {
namespace {

constexpr double kStart_s = 30.0;  // a cold disk may take long to give LibTorch's 400 MB
constexpr double kAsk_s = 10.0;
constexpr double kMemoryMin_bytes = 1e9;
constexpr double kDiskMin_bytes = 1e8;
constexpr uint64_t kDescriptorsMin = 256;
constexpr int kFirstPort = 6006, kPortsTried = 100;  // as dashboard/dashboard.cc
constexpr char kModel[] = "gymnasium/envs/mujoco/assets/half_cheetah.xml";

Need Has(const std::string& name, const std::string& found) { return {name, true, found, ""}; }

Need Lacks(const std::string& name, const std::string& found, const std::string& fix) {
  return {name, false, found, fix};
}

bool IsInstalled() { return !PackageFolder().empty(); }

std::string InstallWheel(const std::string& name) {
  const std::string wanted = WantedVersion(name);
  if (!IsInstalled()) return "./pmoe build installs it";
  return absl::StrCat("pip install ", name, wanted.empty() ? "" : "==" + wanted,
                      " where pmoe is, in ", SitePackages());
}

// The loader's message names the library.
std::string FixOfStart(const std::string& failure) {
  if (absl::StrContains(failure, "libtorch") || absl::StrContains(failure, "libc10")) {
    return InstallWheel("torch");
  }
  return absl::StrContains(failure, "libmujoco") ? InstallWheel("mujoco") : HowToMend();
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Need ProgramStarts(const std::string& binary, const std::atomic<bool>& interrupted) {
  const Probe probe = RunProbe({BinaryPath(binary), "--help"}, kStart_s, interrupted);
  if (probe.ok) return Has(binary, "starts");
  return Lacks(binary, absl::StrCat("does not start: ", probe.failure), FixOfStart(probe.failure));
}

Need HasWheel(const std::string& name) {
  const std::string found = FoundVersion(name), wanted = WantedVersion(name);
  if (found.empty()) return Lacks(name, "not in " + SitePackages(), InstallWheel(name));
  const std::string release = std::vector<std::string>(absl::StrSplit(found, '+')).front();
  if (!wanted.empty() && release != wanted) {
    return Lacks(name, absl::StrCat(found, ", not ", wanted), InstallWheel(name));
  }
  return Has(name, found);
}

Need HasModels() {
  const std::string model = absl::StrCat(SitePackages(), "/", kModel);
  std::error_code ignored;
  if (std::filesystem::is_regular_file(model, ignored)) return Has("models", "Gymnasium's");
  return Lacks("models", absl::StrCat("no ", model), InstallWheel("gymnasium"));
}

Need HasMemory(const Machine& machine) {
  const auto limit = static_cast<double>(machine.memory_limit_bytes);
  const auto free = static_cast<double>(machine.memory_free_bytes);
  const std::string found =
      absl::StrCat(Gigabytes(free), " free, ", Gigabytes(limit), " for this process");
  if ((limit == 0.0 || limit >= kMemoryMin_bytes) && (free == 0.0 || free >= kMemoryMin_bytes)) {
    return Has("memory", found);
  }
  return Lacks("memory", found,
               absl::StrCat("a small task takes ", Gigabytes(kMemoryMin_bytes),
                            ": end other programs, or raise the container's limit"));
}

Need HasDisk(const std::string& name, const std::string& folder) {
  const DiskSpace space = DiskSpaceAt(folder);
  const std::string found =
      absl::StrCat(Gigabytes(static_cast<double>(space.free_bytes)), " free in ", folder);
  if (::access(folder.c_str(), W_OK) != 0) {
    return Lacks(name, absl::StrCat(folder, " cannot be written to"),
                 name == "disk" ? "work in another folder, or --out DIR of `pmoe train`"
                                : "TMPDIR=/another/folder");
  }
  if (static_cast<double>(space.free_bytes) >= kDiskMin_bytes) return Has(name, found);
  return Lacks(name, found,
               name == "disk" ? "make room, work in another folder, or --out DIR of `pmoe train`"
                              : "make room, or TMPDIR=/another/folder");
}

Need HasDescriptors(const Machine& machine) {
  const std::string found = absl::StrCat(machine.descriptors_max, " files and sockets at once");
  if (machine.descriptors_max >= kDescriptorsMin) return Has("descriptors", found);
  return Lacks("descriptors", found,
               absl::StrCat("raise the hard limit (ulimit -H -n) to ", kDescriptorsMin,
                            ", or better to 65536"));
}

Need HasSocketFolder() {
  const absl::StatusOr<SocketFolder> folder = SocketFolder::Create();
  if (folder.ok()) return Has("sockets", "in " + folder->path());
  return Lacks("sockets", std::string(folder.status().message()),
               "set XDG_RUNTIME_DIR to a folder of yours on a local disk");
}

Need HasPort() {
  for (int port = kFirstPort; port < kFirstPort + kPortsTried; ++port) {
    if (ListeningSocket::Tcp("127.0.0.1", port).ok()) {
      return Has("port", absl::StrCat("127.0.0.1:", port, " is free"));
    }
  }
  return Lacks("port",
               absl::StrCat("none of 127.0.0.1:", kFirstPort, " to ", kFirstPort + kPortsTried - 1,
                            " is free"),
               "--dashboard HOST:PORT, or --dashboard none to do without");
}

Need CanDraw(const std::atomic<bool>& interrupted) {
  const std::string python = WheelPython();
  if (python.empty()) {
    return Lacks("drawing", "no Python with MuJoCo's wheel is known",
                 "pip install mujoco, then PMOE_PYTHON=/path/to/python3");
  }
  const Probe probe =
      RunProbe({python, "-I", BinaryPath("pmoe-draw.py"), "--probe"}, kStart_s, interrupted);
  if (probe.ok) return Has("drawing", "by " + FirstLine(probe.said));
  const std::vector<std::string> words = absl::StrSplit(probe.failure, absl::MaxSplits("; ", 1));
  return Lacks("drawing", words.front(), words.size() > 1 ? words.back() : HowToMend());
}

Need HasFfmpeg(const std::atomic<bool>& interrupted) {
  const std::string ffmpeg = FindOnPath("ffmpeg");
  const std::string fix = "apt-get install ffmpeg, or put one with libx264 on PATH";
  if (ffmpeg.empty()) return Lacks("ffmpeg", "not on PATH", fix);
  const Probe probe = RunProbe({ffmpeg, "-hide_banner", "-encoders"}, kAsk_s, interrupted);
  if (!probe.ok) return Lacks("ffmpeg", absl::StrCat(ffmpeg, ": ", probe.failure), fix);
  if (!absl::StrContains(probe.said, "libx264")) {
    return Lacks("ffmpeg", absl::StrCat(ffmpeg, " cannot write H.264"), fix);
  }
  return Has("ffmpeg", ffmpeg);
}

Need HasGpu(const Machine& machine) {
  if (!machine.gpus.empty()) return Has("GPU", machine.gpus.front().name());
  return Lacks("GPU", "NVIDIA's driver lists none",
               "install the driver; in a container start it with the GPU (docker run --gpus all)");
}

Need HasCudaTorch(const Machine& machine) {
  if (machine.torch_flavour == "cuda") return Has("LibTorch", machine.torch + " with CUDA");
  const std::string flavour =
      machine.torch.empty() ? "none" : absl::StrCat(machine.torch, ": ", machine.torch_flavour);
  return Lacks("LibTorch", flavour,
               IsInstalled() ? "pip install --force-reinstall torch, with what it needs"
                             : "remove .deps, then PMOE_GPU=1 ./pmoe build");
}

Need HasDocker(const std::atomic<bool>& interrupted) {
  const std::string docker = FindOnPath("docker");
  if (docker.empty()) return Lacks("docker", "not on PATH", "install Docker's engine");
  const Probe probe =
      RunProbe({docker, "version", "--format", "{{.Server.Version}}"}, kAsk_s, interrupted);
  if (probe.ok) return Has("docker", "engine " + FirstLine(probe.said));
  return Lacks("docker", probe.failure, "start the engine, and join the group docker");
}

Need HasCompose(const std::atomic<bool>& interrupted) {
  const std::string compose = FindOnPath("docker-compose"), docker = FindOnPath("docker");
  if (!compose.empty()) return Has("compose", compose);
  if (!docker.empty() && RunProbe({docker, "compose", "version"}, kAsk_s, interrupted).ok) {
    return Has("compose", "docker compose");
  }
  return Lacks("compose", "neither docker-compose nor docker compose", "install docker-compose");
}

}  // namespace pmoe
