#include "cli/watch/still_run.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file_lock.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/run_config_file.h"
#include "nlohmann/json.hpp"
#include "run/run_cost.h"
#include "run/run_directory.h"
#include "run/run_start.h"
#include "run/seed_run.h"

namespace pmoe {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kHour_s = 3600.0;

std::optional<double> Target(const ObserveConfig& observe) {
  return observe.has_target_return() ? std::optional(observe.target_return()) : std::nullopt;
}

// "0.50 hours, 1.20 CPU hours, 3.00 of money"; what is not known is left out.
std::string Amounts(const RunCost& cost, double price_per_hour, double share) {
  std::string text = absl::StrFormat("%.3g hours", share * cost.wall_s / kHour_s);
  const auto add = [&](const std::optional<double>& seconds, const char* what) {
    if (!seconds.has_value()) return;
    absl::StrAppendFormat(&text, ", %.3g %s hours", share * *seconds / kHour_s, what);
  };
  add(cost.cpu_s, "CPU");
  if (cost.gpu_s.value_or(0.0) > 0) add(cost.gpu_s, "GPU");
  if (const std::optional<double> money = cost.Money(price_per_hour)) {
    absl::StrAppendFormat(&text, ", %.2f at %g an hour", share * *money, price_per_hour);
  }
  return text;
}

// Lines about what the run took; empty before its first row.
std::string CostText(const RunCosts& costs, const ObserveConfig& observe) {
  if (costs.all.wall_s <= 0 || costs.all.env_steps <= 0) return "";
  const double price = observe.price_per_hour();
  std::string text =
      absl::StrCat("\nit took ", Amounts(costs.all, price, 1.0), "; per million env steps ",
                   Amounts(costs.all, price, 1e6 / static_cast<double>(costs.all.env_steps)));
  if (!Target(observe).has_value()) return text;
  absl::StrAppendFormat(&text, "\nreturn %g: ", observe.target_return());
  return text + (costs.to_target.has_value()
                     ? absl::StrCat("at ", costs.to_target->env_steps, " env steps, after ",
                                    Amounts(*costs.to_target, price, 1.0))
                     : "no evaluation had it yet");
}

Json Or(const std::optional<double>& value) { return value.has_value() ? Json(*value) : Json(); }

Json CostJson(const RunCost& cost, double price_per_hour) {
  const auto hours = [](const std::optional<double>& seconds) {
    return seconds.has_value() ? Json(*seconds / kHour_s) : Json();
  };
  return {{"env_steps", cost.env_steps},
          {"wall_hours", cost.wall_s / kHour_s},
          {"cpu_hours", hours(cost.cpu_s)},
          {"gpu_hours", hours(cost.gpu_s)},
          {"money", Or(cost.Money(price_per_hour))}};
}

}  // namespace

absl::StatusOr<std::string> StillRunText(const std::string& directory, bool json) {
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ReadRunConfig(directory, "--run"));
  const LastMetrics metrics = ReadLastMetrics(directory);
  const absl::StatusOr<uint64_t> checkpoint = NewestCheckpointIn(directory);
  const int64_t at = std::max(metrics.env_steps, static_cast<int64_t>(checkpoint.value_or(0)));
  const int64_t total = TotalSteps(config);
  const RunCosts costs = ReadRunCosts(directory, Target(config.observe()));
  const int process = FileLock::Holder(directory + "/lock");
  const bool finished = checkpoint.ok() && static_cast<int64_t>(*checkpoint) >= total;
  const char* const state = process != 0 ? "training" : finished ? "finished" : "stopped";
  if (json) {
    nlohmann::ordered_json object = {{"state", state},
                                     {"directory", directory},
                                     {"env_steps", at},
                                     {"total_steps", total},
                                     {"process", process}};
    object["checkpoint"] = checkpoint.ok() ? nlohmann::json(*checkpoint) : nlohmann::json();
    object["eval_return"] = Or(metrics.eval_return);
    const double price = config.observe().price_per_hour();
    object["cost"] = CostJson(costs.all, price);
    object["cost_to_target"] =
        costs.to_target.has_value() ? CostJson(*costs.to_target, price) : Json();
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  std::string text =
      absl::StrCat(RunLabel(config), ": ", state, " at ", at, " of ", total, " env steps");
  if (metrics.eval_return.has_value()) {
    absl::StrAppendFormat(&text, ", last return %.1f", *metrics.eval_return);
  }
  const std::string word = ShellWord(directory);
  const bool cluster = std::filesystem::exists(directory + "/learner.address");
  if (process != 0) {
    absl::StrAppend(&text, "\nby process ", process, "; watch it with: ", UserCommand(),
                    " dashboard ", word);
  } else if (finished) {
    absl::StrAppend(&text, "\nlook at it with: ", UserCommand(), " eval --run ", word);
  } else if (checkpoint.ok()) {
    absl::StrAppend(&text, "\ngo on from its checkpoint at ", *checkpoint, " with: ", UserCommand(),
                    " ", cluster ? "up" : "train", " --resume ", word);
  } else {
    absl::StrAppend(&text, "\nit has no checkpoint to go on from; start it anew");
  }
  return absl::StrCat(text, CostText(costs, config.observe()), "\n");
}

}  // namespace pmoe
