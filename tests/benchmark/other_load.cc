#include "tests/benchmark/other_load.h"

#include <sys/resource.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/process_usage.h"
#include "tests/benchmark/measure.h"

namespace pmoe {
namespace {

constexpr double kQuietCores = 0.1;

double WallSeconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double OwnSeconds() {
  rusage ended{};
  getrusage(RUSAGE_CHILDREN, &ended);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return ProcessCpuSeconds() + seconds(ended.ru_utime) + seconds(ended.ru_stime);
}

}  // namespace

void OtherLoad::BeginRound() {
  begin_wall_s_ = WallSeconds();
  begin_other_s_ = MachineCpuSeconds() - OwnSeconds();
}

void OtherLoad::EndRound() {
  const double other_s = MachineCpuSeconds() - OwnSeconds() - begin_other_s_;
  // /proc/stat counts ticks, the process nanoseconds: the difference may be a little below 0.
  cores_.push_back(std::max(0.0, other_s / (WallSeconds() - begin_wall_s_)));
}

std::string OtherLoad::Mark() const {
  const bool quiet =
      std::all_of(cores_.begin(), cores_.end(), [](double cores) { return cores <= kQuietCores; });
  return quiet ? "" : " BESIDE LOAD";
}

void OtherLoad::Tell(const std::string& table, Report* report) const {
  if (cores_.empty()) return;
  report->Value(absl::StrCat(table, ".other_load_cores"), Median(cores_));
  if (Mark().empty()) return;
  const auto [least, most] = std::minmax_element(cores_.begin(), cores_.end());
  report->Note(
      absl::StrFormat("BESIDE LOAD: other processes had %.2f to %.2f cores a round (load average "
                      "%.1f); the table is "
                      "no measure of a quiet machine",
                      *least, *most, LoadAverage()));
}

}  // namespace pmoe
