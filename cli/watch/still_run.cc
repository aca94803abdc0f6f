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

const char* StateName(const StillRun& run) {
  if (run.is_training()) return "training";
  return run.is_finished() ? "finished" : "stopped";
}

}  // namespace

bool StillRun::is_finished() const {
  return checkpoint.has_value() && static_cast<int64_t>(*checkpoint) >= total_steps;
}

std::string StillRun::Text() const {
  std::string text = absl::StrCat(label, ": ", StateName(*this), " at ", env_steps, " of ",
                                  total_steps, " env steps");
  if (eval_return.has_value()) absl::StrAppendFormat(&text, ", last return %.1f", *eval_return);
  const std::string word = ShellWord(directory);
  if (is_training()) {
    absl::StrAppend(&text, "\nby process ", process, "; watch it with: ", UserCommand(),
                    " dashboard ", word);
  } else if (is_finished()) {
    absl::StrAppend(&text, "\nlook at it with: ", UserCommand(), " eval --run ", word);
  } else if (checkpoint.has_value()) {
    absl::StrAppend(&text, "\ngo on from its checkpoint at ", *checkpoint, " with: ", UserCommand(),
                    " ", of_cluster ? "up" : "train", " --resume ", word);
  } else {
    absl::StrAppend(&text, "\nit has no checkpoint to go on from; start it anew");
  }
  return absl::StrCat(text, CostText(costs, observe), "\n");
}

std::string StillRun::Json() const {
  const double price = observe.price_per_hour();
  const nlohmann::ordered_json object = {
      {"state", StateName(*this)},
      {"directory", directory},
      {"env_steps", env_steps},
      {"total_steps", total_steps},
      {"process", process},
      {"checkpoint",
       checkpoint.has_value() ? nlohmann::ordered_json(*checkpoint) : nlohmann::ordered_json()},
      {"eval_return", Or(eval_return)},
      {"cost", CostJson(costs.all, price)},
      {"cost_to_target",
       costs.to_target.has_value() ? CostJson(*costs.to_target, price) : nlohmann::ordered_json()}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<StillRun> LookAtStillRun(const std::string& directory) {
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ReadRunConfig(directory, "--run"));
  const LastMetrics metrics = ReadLastMetrics(directory);
  const absl::StatusOr<uint64_t> checkpoint = NewestCheckpointIn(directory);
  StillRun run;
  run.directory = directory;
  run.label = RunLabel(config);
  run.env_steps = std::max(metrics.env_steps, static_cast<int64_t>(checkpoint.value_or(0)));
  run.total_steps = TotalSteps(config);
  // `pmoe up` starts its learner again.
  run.process = FileLock::Holder(directory + "/lock");
  if (run.process == 0) run.process = FileLock::Holder(directory + "/up.lock");
  if (checkpoint.ok()) run.checkpoint = *checkpoint;
  run.eval_return = metrics.eval_return;
  run.observe = config.observe();
  run.costs = ReadRunCosts(directory, Target(config.observe()));
  run.of_cluster = std::filesystem::exists(directory + "/learner.address");
  return run;
}

}  // namespace pmoe
