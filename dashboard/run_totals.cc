#include "dashboard/run_totals.h"

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
    if (name == "wall_s") wall_ = column;
    if (IsTotal(name)) totals_.push_back({column, name, name == "cpu_s" || name == "gpu_s"});
  }
}

void RunTotals::Apply(std::vector<double>* row) {
  if (wall_.has_value() && !std::isnan((*row)[*wall_])) {
    if ((*row)[*wall_] < wall_s_) BeginAnew();
    wall_s_ = (*row)[*wall_];
  }
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
