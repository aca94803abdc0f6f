#include "common/metrics/run_totals.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"

namespace pmoe {

bool RunTotals::IsTotal(absl::string_view column) {
  return column == "wall_s" || column == "cpu_s" || column == "gpu_s" ||
         absl::StartsWith(column, "time_");
}

RunTotals::RunTotals(const std::vector<std::string>& columns) {
  for (size_t column = 0; column < columns.size(); ++column) {
    const std::string& name = columns[column];
    if (!IsTotal(name)) continue;
    Total& total = totals_.emplace_back();
    total.column = column;
    total.name = name;
    total.needs_all = name == "cpu_s" || name == "gpu_s";
    total.grows = name == "wall_s" || name == "time_env_s" || name == "time_replay_s" ||
                  name == "time_update_s";
  }
}

void RunTotals::Apply(std::vector<double>* row) {
  bool anew = false;
  for (Total& total : totals_) {
    const double value = (*row)[total.column];
    if (!total.grows || std::isnan(value)) continue;
    if (value < std::exchange(total.last, value)) anew = true;
  }
  if (anew) BeginAnew();
  for (Total& total : totals_) {
    double& value = (*row)[total.column];
    if (std::isnan(value)) continue;
    total.said = true;
    total.now = std::max(total.now, value);
    value = total.needs_all && !total.known ? std::nan("") : total.before + total.now;
  }
}

void RunTotals::BeginAnew() {
  for (Total& total : totals_) {
    total.before += std::exchange(total.now, 0.0);
    total.known = std::exchange(total.said, false) && total.known;
  }
}

std::optional<double> RunTotals::Known(absl::string_view column) const {
  for (const Total& total : totals_) {
    if (total.name == column && total.known && total.said) return total.before + total.now;
  }
  return std::nullopt;
}

}  // namespace pmoe
