#include "dashboard/run_totals.h"

#include <cmath>

#include "absl/strings/match.h"

namespace pmoe {

bool RunTotals::IsTotal(absl::string_view column) {
  return column == "wall_s" || column == "cpu_s" || column == "gpu_s" ||
         absl::StartsWith(column, "time_");
}

RunTotals::RunTotals(const std::vector<std::string>& columns) {
  for (size_t column = 0; column < columns.size(); ++column) {
    if (IsTotal(columns[column])) totals_.push_back({column});
  }
}

void RunTotals::Apply(std::vector<double>* row) {
  for (Total& total : totals_) {
    double& value = (*row)[total.column];
    if (std::isnan(value)) continue;
    if (value < total.last) total.before += total.last;
    total.last = value;
    value += total.before;
  }
}

}  // namespace pmoe
