#include "cli/sweep/sweep_table.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pmoe {
namespace {

constexpr int kNameColumns = 34;
constexpr size_t kOtherLines = 4;  // summary, head, "and more", the cursor's

// Those that a person looks for come first.
int Rank(SweepState state) {
  switch (state) {
    case SweepState::kRunning:
      return 0;
    case SweepState::kFailed:
      return 1;
    case SweepState::kStopped:
      return 2;
    case SweepState::kWaiting:
      return 3;
    default:
      return 4;
  }
}

std::string DurationText(double seconds) {
  if (seconds < 100.0) return absl::StrFormat("%.0f s", seconds);
  if (seconds < 100.0 * 60.0) return absl::StrFormat("%.0f min", seconds / 60.0);
  return absl::StrFormat("%.1f h", seconds / 3600.0);
}

std::string LeftText(const SweepRow& row) {
  const RunProgress& progress = row.progress;
  if (row.state != SweepState::kRunning || progress.steps_per_s <= 0.0) return "";
  return DurationText(std::max(0.0, row.total_steps - progress.env_steps) / progress.steps_per_s);
}

std::string RunLine(const SweepRun& run, const SweepRow& row) {
  if (row.state == SweepState::kFailed) {
    return absl::StrFormat("%-*s %-8s %s", kNameColumns, FitLine(run.name, kNameColumns), "failed",
                           row.failure);
  }
  const RunProgress& progress = row.progress;
  const std::string rate =
      row.state == SweepState::kRunning ? absl::StrFormat("%.0f", progress.steps_per_s) : "";
  const std::string evaluation =
      progress.eval_returns.empty() ? "" : absl::StrFormat("%.1f", progress.eval_returns.back());
  return absl::StrFormat("%-*s %-8s %9.0f %3.0f%% %7s %8s %7s", kNameColumns,
                         FitLine(run.name, kNameColumns), SweepStateName(row.state),
                         progress.env_steps, 100.0 * progress.env_steps / row.total_steps, rate,
                         evaluation, LeftText(row));
}

int Count(const std::vector<SweepRow>& rows, SweepState state) {
  return static_cast<int>(std::count_if(
      rows.begin(), rows.end(), [state](const SweepRow& row) { return row.state == state; }));
}

}  // namespace

std::string SweepSummary(const SweepPlan& plan, const std::vector<SweepRow>& rows) {
  std::string text =
      absl::StrFormat("sweep %s: %d of %d finished", plan.Name(),
                      Count(rows, SweepState::kFinished), static_cast<int>(rows.size()));
  for (const SweepState state :
       {SweepState::kRunning, SweepState::kFailed, SweepState::kStopped, SweepState::kWaiting}) {
    const int count = Count(rows, state);
    if (count > 0) absl::StrAppend(&text, ", ", count, " ", SweepStateName(state));
  }
  double steps_left = 0.0, rate = 0.0;
  for (const SweepRow& row : rows) {
    if (row.state == SweepState::kRunning) rate += row.progress.steps_per_s;
    if (row.state == SweepState::kFinished || row.state == SweepState::kFailed) continue;
    steps_left += std::max(0.0, row.total_steps - row.progress.env_steps);
  }
  if (rate > 0.0) absl::StrAppend(&text, "; ", DurationText(steps_left / rate), " left");
  return text;
}

std::vector<std::string> SweepTable(const SweepPlan& plan, const std::vector<SweepRow>& rows,
                                    const ScreenSize& screen) {
  std::vector<std::string> lines = {
      SweepSummary(plan, rows),
      absl::StrFormat("%-*s %-8s %9s %4s %7s %8s %7s", kNameColumns, "RUN", "STATE", "STEPS", "",
                      "STEPS/S", "RETURN", "LEFT")};
  const size_t room =
      std::max(static_cast<size_t>(std::max(screen.lines, 0)), kOtherLines + 1) - kOtherLines;
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (rows.size() > room) {
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return Rank(rows[a].state) < Rank(rows[b].state); });
    order.resize(room);
  }
  for (const size_t i : order) lines.push_back(RunLine(plan.runs[i], rows[i]));
  if (rows.size() > room) lines.push_back(absl::StrCat("… and ", rows.size() - room, " more"));
  return lines;
}

std::string SweepEvent(const SweepRun& run, const SweepRow& row) {
  const RunProgress& progress = row.progress;
  std::string text = absl::StrCat(SweepStateName(row.state), " ", run.name);
  if (row.state == SweepState::kRunning) return text;
  absl::StrAppendFormat(&text, ": %.0f of %.0f env steps, %s", progress.env_steps, row.total_steps,
                        DurationText(progress.seconds));
  if (!progress.eval_returns.empty()) {
    absl::StrAppendFormat(&text, ", return %.1f", progress.eval_returns.back());
  }
  if (!row.failure.empty()) absl::StrAppend(&text, "; ", row.failure);
  return text;
}

}  // namespace pmoe
