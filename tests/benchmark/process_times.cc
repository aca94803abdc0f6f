#include "tests/benchmark/process_times.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

// schedstat counts nanoseconds, where stat counts ticks of 10 ms.
double ThreadCpuSecondsOf(const fs::path& task) {
  std::ifstream file(task / "schedstat");
  double ns = 0.0;
  file >> ns;
  return 1e-9 * ns;
}

std::string FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::map<pid_t, ThreadTimes> ThreadsOf(pid_t pid) {
  std::map<pid_t, ThreadTimes> threads;
  std::error_code error;
  for (const fs::directory_entry& task :
       fs::directory_iterator(absl::StrCat("/proc/", pid, "/task"), error)) {
    int id = 0;
    if (!absl::SimpleAtoi(task.path().filename().string(), &id)) continue;
    threads[id] = {FirstLine(task.path() / "comm"), ThreadCpuSecondsOf(task.path())};
  }
  return threads;
}

double CpuSecondsOf(pid_t pid) {
  double sum = 0.0;
  for (const auto& [id, thread] : ThreadsOf(pid)) sum += thread.cpu_s;
  return sum;
}

double PrivateMegabytes(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/smaps_rollup"));
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    double kib = 0.0;
    if (words >> name >> kib && name == "Private_Dirty:") return kib / 1024.0;
  }
  return 0.0;
}

}  // namespace pmoe
