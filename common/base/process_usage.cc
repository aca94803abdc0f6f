#include "common/base/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "common/base/usable_cores.h"

namespace pmoe {
namespace {

constexpr double kLookEvery_s = 0.5;

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The second number of /proc/self/statm, pages.
int64_t ResidentBytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  long long total = 0, resident = 0;
  const int read = std::fscanf(file, "%lld %lld", &total, &resident);
  std::fclose(file);
  return read == 2 ? resident * ::sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace

double MachineCpuSeconds() {
  std::FILE* const file = std::fopen("/proc/stat", "re");
  if (file == nullptr) return 0.0;
  unsigned long long user, nice, system, idle, io_wait, irq, soft_irq, stolen;
  const int read = std::fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice,
                               &system, &idle, &io_wait, &irq, &soft_irq, &stolen);
  std::fclose(file);
  if (read != 8) return 0.0;
  return static_cast<double>(user + nice + system + irq + soft_irq + stolen) /
         static_cast<double>(::sysconf(_SC_CLK_TCK));
}

ProcessMeter::ProcessMeter() : cpu_s_(CpuSeconds()) {
  load_.cpu_s = cpu_s_;
  load_.memory_bytes = ResidentBytes();
  load_.cores = UsableCores();
}

ProcessLoad ProcessMeter::Look() {
  if (since_look_.Elapsed() < kLookEvery_s) return load_;
  const double cpu_s = CpuSeconds();
  load_.cpu_cores = (cpu_s - std::exchange(cpu_s_, cpu_s)) / since_look_.Lap();
  load_.cpu_s = cpu_s;
  load_.memory_bytes = ResidentBytes();
  load_.cores = UsableCores();  // a quota may be changed while it runs
  return load_;
}

}  // namespace pmoe
