#include "run/run_cost.h"

#include <algorithm>
#include <cmath>

#include "common/base/file.h"
#include "common/metrics/csv_reader.h"

namespace pmoe {
namespace {

constexpr double kHour_s = 3600.0;

// A column that begins anew in each life, summed over all of them.
class LivesSum {
 public:
  void Add(double value) {
    if (std::isnan(value)) {
      known_ = false;
      return;
    }
    sum_ += value >= last_ ? value - last_ : value;
    last_ = value;
  }
  double sum() const { return sum_; }
  std::optional<double> known() const { return known_ ? std::optional(sum_) : std::nullopt; }

 private:
  double last_ = 0.0;
  double sum_ = 0.0;
  bool known_ = true;
};

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
  LivesSum wall_s, cpu_s, gpu_s;
  CsvReader reader;
  reader.Feed(ReadFile(run_directory + "/metrics.csv").value_or(""),
              [&](absl::Span<const double> row) {
                const Cells cells(reader.columns(), row);
                wall_s.Add(cells["wall_s"]);
                cpu_s.Add(cells["cpu_s"]);
                gpu_s.Add(cells["gpu_s"]);
                if (std::isfinite(cells["env_steps"])) {
                  costs.all.env_steps = static_cast<int64_t>(cells["env_steps"]);
                }
                costs.all.wall_s = wall_s.sum();
                costs.all.cpu_s = cpu_s.known();
                costs.all.gpu_s = gpu_s.known();
                const bool reached =
                    target_return.has_value() && cells["eval_return_mean"] >= *target_return;
                if (reached && !costs.to_target.has_value()) costs.to_target = costs.all;
              });
  return costs;
}

}  // namespace pmoe
