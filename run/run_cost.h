// What a run has taken so far, in all its lives: the sums of metrics.csv, whose wall_s, cpu_s and
// gpu_s begin anew in each life, which is where wall_s falls. What a crash undid, and its rows with
// it, is not in them. Free functions and values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pmoe {

struct RunCost {
  int64_t env_steps = 0;
  double wall_s = 0.0;
  // Of all processes of the run; nullopt: not measured in each of its lives.
  std::optional<double> cpu_s = 0.0;
  std::optional<double> gpu_s = 0.0;

  // Wall time at a price of all machines together; nullopt: no price.
  std::optional<double> Money(double price_per_hour) const;
};

struct RunCosts {
  RunCost all;  // to the last row
  // To the first evaluation with the return asked for; nullopt: none has it, or none was asked for.
  std::optional<RunCost> to_target;
};

// Of a run's metrics.csv; without one, or without a row, nothing was taken.
RunCosts ReadRunCosts(const std::string& run_directory,
                      std::optional<double> target_return = std::nullopt);

}  // namespace pmoe
