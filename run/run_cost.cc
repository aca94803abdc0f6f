#include "run/run_cost.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/file.h"
#include "common/metrics/csv_reader.h"
#include "common/metrics/run_totals.h"

namespace pmoe {
namespace {

constexpr double kHour_s = 3600.0;
constexpr double kCountMax = 9e15;  // whole numbers below it are exact

// The cell of a column; NaN: there is none.
class Cells {
 public:
  Cells(const std::vector<std::string>& columns, absl::Span<const double> row)
      : columns_(columns), row_(row) {}
  double operator[](absl::string_view name) const {
    const auto at = std::find(columns_.begin(), columns_.end(), name);
    return at == columns_.end() ? std::nan("") : row_[static_cast<size_t>(at - columns_.begin())];
  }

 private:
  const std::vector<std::string>& columns_;
  const absl::Span<const double> row_;
};

}  // namespace

std::optional<double> RunCost::Money(double price_per_hour) const {
  if (!(price_per_hour > 0)) return std::nullopt;
  return wall_s / kHour_s * price_per_hour;
}

RunCosts ReadRunCosts(const std::string& run_directory, std::optional<double> target_return) {
  RunCosts costs;
  std::optional<RunTotals> totals;
  CsvReader reader;
  reader.Feed(ReadFile(run_directory + "/metrics.csv").value_or(""),
              [&](absl::Span<const double> row) {
                if (!totals.has_value()) totals.emplace(reader.columns());
                std::vector<double> summed(row.begin(), row.end());
                totals->Apply(&summed);
                const Cells cells(reader.columns(), row);
                if (std::abs(cells["env_steps"]) < kCountMax) {  // not of a damaged file either
                  costs.all.env_steps = static_cast<int64_t>(cells["env_steps"]);
                }
                costs.all.wall_s = totals->Known("wall_s").value_or(costs.all.wall_s);
                costs.all.cpu_s = totals->Known("cpu_s");
                costs.all.gpu_s = totals->Known("gpu_s");
                const bool reached =
                    target_return.has_value() && cells["eval_return_mean"] >= *target_return;
                if (reached && !costs.to_target.has_value()) costs.to_target = costs.all;
              });
  return costs;
}

}  // namespace pmoe
