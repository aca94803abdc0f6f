#include "tests/benchmark/threshold_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/benchmark/measure.h"

namespace pmoe {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kAim = 0.4;  // of the best peer's wall time

struct Entry {
  std::string name;
  bool ours;
  int runs;
  ThresholdMedians medians;
};

std::vector<Entry> EntriesOf(const std::vector<ThresholdSide>& sides) {
  std::vector<Entry> entries;
  for (const ThresholdSide& side : sides) {
    if (side.runs.empty()) continue;
    entries.push_back(
        {side.name, side.ours, static_cast<int>(side.runs.size()), MediansOf(side.runs)});
  }
  return entries;
}

// The one whose `number` is smallest; null if none has it.
const Entry* Best(const std::vector<Entry>& entries, bool ours, double ThresholdMedians::*number) {
  const Entry* best = nullptr;
  for (const Entry& entry : entries) {
    if (entry.ours != ours || std::isnan(entry.medians.*number)) continue;
    if (best == nullptr || entry.medians.*number < best->medians.*number) best = &entry;
  }
  return best;
}

void ReportSides(const ThresholdTask& task, const std::vector<Entry>& entries,
                 const std::string& mark, Report* report) {
  report->Table(absl::StrCat(task.env, " to ", task.threshold, mark),
                {"reached", "env_steps", "wall_s", "cpu_s", "compile_s", "best_return"});
  for (const Entry& entry : entries) {
    const ThresholdMedians& m = entry.medians;
    report->Row(absl::StrCat(task.env, "/", entry.name),
                {static_cast<double>(m.reached), m.env_steps, m.wall_s, m.cpu_s, m.compile_s,
                 m.best_return});
  }
  for (const Entry& entry : entries) {
    if (entry.medians.reached == entry.runs) continue;
    report->Note(absl::StrFormat("%s/%s: not reached in %d env steps by %d of %d runs", task.env,
                                 entry.name, task.steps, entry.runs - entry.medians.reached,
                                 entry.runs));
  }
}

void ReportBound(const ThresholdTask& task, const std::vector<Entry>& entries, Report* report) {
  const Entry* const our = Best(entries, /*ours=*/true, &ThresholdMedians::wall_s);
  const Entry* const their = Best(entries, /*ours=*/false, &ThresholdMedians::lasted_s);
  if (our == nullptr || their == nullptr) return;
  report->Note(absl::StrFormat(
      "%s/%s took %.0f s; no peer reached it, and %s gave up first, after %.0f s: the ratio of "
      "wall times is below %.3g (aim %.1f)",
      task.env, our->name, our->medians.wall_s, their->name, their->medians.lasted_s,
      our->medians.wall_s / their->medians.lasted_s, kAim));
}

void ReportRatios(const ThresholdTask& task, const std::vector<Entry>& entries,
                  const std::string& mark, Report* report) {
  const Entry* const peer = Best(entries, /*ours=*/false, &ThresholdMedians::wall_s);
  if (peer == nullptr) return ReportBound(task, entries, report);
  if (Best(entries, /*ours=*/true, &ThresholdMedians::wall_s) == nullptr) return;
  report->Table(absl::StrCat("ours over ", peer->name, mark),
                {"wall_over_best_peer", "env_steps_over_best_peer", "cpu_over_best_peer"});
  double best = kInfinity;
  for (const Entry& entry : entries) {
    if (!entry.ours || !entry.medians.has_time()) continue;
    const double wall = entry.medians.wall_s / peer->medians.wall_s;
    best = std::min(best, wall);
    report->Row(absl::StrCat(task.env, "/", entry.name),
                {wall, entry.medians.env_steps / peer->medians.env_steps,
                 entry.medians.cpu_s / peer->medians.cpu_s});
  }
  report->Value(absl::StrCat(task.env, ".best_wall_over_best_peer"), best);
  report->Note(absl::StrFormat("aim: at most %.1f", kAim));
}

}  // namespace

bool ThresholdMedians::has_time() const { return !std::isnan(wall_s); }

ThresholdMedians MediansOf(const std::vector<ThresholdRun>& runs) {
  ThresholdMedians medians;
  const auto median = [&](double ThresholdRun::*number, bool endless) {
    std::vector<double> values;
    for (const ThresholdRun& run : runs)
      values.push_back(endless && !run.reached ? kInfinity : run.*number);
    const double value = Median(std::move(values));
    return std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
  };
  medians.reached = static_cast<int>(
      std::count_if(runs.begin(), runs.end(), [](const ThresholdRun& run) { return run.reached; }));
  medians.env_steps = median(&ThresholdRun::env_steps, true);
  medians.wall_s = median(&ThresholdRun::wall_s, true);
  medians.cpu_s = median(&ThresholdRun::cpu_s, true);
  medians.compile_s = median(&ThresholdRun::compile_s, false);
  medians.best_return = median(&ThresholdRun::best_return, false);
  medians.lasted_s = median(&ThresholdRun::wall_s, false);
  return medians;
}

bool ReportThreshold(const ThresholdTask& task, const std::vector<ThresholdSide>& sides,
                     const std::string& mark, Report* report) {
  const std::vector<Entry> entries = EntriesOf(sides);
  if (entries.empty()) return false;
  ReportSides(task, entries, mark, report);
  ReportRatios(task, entries, mark, report);
  return true;
}

}  // namespace pmoe
