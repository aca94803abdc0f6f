#include "run/run_cost.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "common/base/file.h"
#include "common/metrics/csv_reader.h"

namespace pmoe {
namespace {

constexpr double kHour_s = 3600.0;
// Begin anew in each life and grow within it. A life of one row may begin with a later wall_s than
// the one before ended with.
constexpr std::array<absl::string_view, 4> kGrow = {"wall_s", "time_env_s", "time_replay_s",
                                                    "time_update_s"};
constexpr double kCountMax = 9e15;  // whole numbers below it are exact

// A column that begins anew in each life, summed over all of them. Within a life it does not fall:
// a member that was lost had used what it had used.
class LivesSum {
 public:
  void Add(double value, bool new_life) {
    if (new_life) {
      before_ += std::exchange(now_, 0.0);
      known_ = known_ && std::exchange(said_, false);
    }
    if (std::isnan(value)) return;  // a life's first rows may not know it yet
    said_ = true;
    now_ = std::max(now_, value);
  }
  double sum() const { return before_ + now_; }
  // nullopt: a life has not said it in any row.
  std::optional<double> known() const {
    return known_ && said_ ? std::optional(sum()) : std::nullopt;
  }

 private:
  double before_ = 0.0;
  double now_ = 0.0;
  bool said_ = false;
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
  std::array<double, kGrow.size()> life{};  // at the row before
  CsvReader reader;
  reader.Feed(ReadFile(run_directory + "/metrics.csv").value_or(""),
              [&](absl::Span<const double> row) {
                const Cells cells(reader.columns(), row);
                bool new_life = false;  // seconds that only grow within one have fallen
                for (size_t i = 0; i < life.size(); ++i) {
                  const double now_s = cells[kGrow[i]];
                  if (now_s < life[i]) new_life = true;
                  if (!std::isnan(now_s)) life[i] = now_s;
                }
                wall_s.Add(cells["wall_s"], new_life);
                cpu_s.Add(cells["cpu_s"], new_life);
                gpu_s.Add(cells["gpu_s"], new_life);
                if (std::abs(cells["env_steps"]) < kCountMax) {  // not of a damaged file either
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
