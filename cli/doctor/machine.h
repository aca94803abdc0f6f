// What this machine has that pmoe can use. Looks at files and asks the kernel; starts nothing.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "proto/run.pb.h"

namespace pmoe {

struct Machine {
  std::string system;   // "Debian GNU/Linux 12 (bookworm), Linux 6.1.0, glibc 2.36"
  std::string cpu;      // as the kernel names it; empty: unknown
  std::string vectors;  // "x86-64-v3", or "x86-64-v4": twice as wide
  int cores_online = 1;
  int cores_usable = 1;  // by affinity and the control group's quota
  double load = 0.0;     // cores that others use now
  int64_t memory_bytes = 0;
  int64_t memory_limit_bytes = 0;  // the control group's where that is less; 0: unknown
  int64_t memory_free_bytes = 0;   // of the machine
  uint64_t descriptors = 0;        // soft limit
  uint64_t descriptors_max = 0;    // the hard one, to which pmoe raises it
  std::vector<GpuUsage> gpus;
  std::string gpu_driver;  // its version; empty: none
  std::string torch;       // "2.11.0"; empty: none is installed
  std::string torch_flavour;
  DiskSpace here;       // where runs go
  DiskSpace temporary;  // where the self test goes
};

Machine LookAtMachine();

// $TMPDIR, or /tmp.
std::string TemporaryFolder();

// "cpu": LibTorch has no CUDA. "cuda". "CPU only, …": it has, and lacks NVIDIA's libraries, as
// ./pmoe installs it where there is no GPU.
std::string TorchFlavour(const std::string& site_packages);

// "20.1 GB".
std::string Gigabytes(double bytes);

}  // namespace pmoe
