#include "actor/env/mjcf/commands.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "actor/env/mjcf/object_names.h"
#include "common/base/near_names.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// A body that the file names; -1 for none.
absl::StatusOr<int> FindMocap(const Command& config, const Place& place, const mjModel& model) {
  if (!config.has_mocap()) return -1;
  const absl::StatusOr<int> body = FindObject(model, mjOBJ_BODY, config.mocap());
  const Place at = place.Field(config, "mocap");
  if (!body.ok()) return at.Error(std::string(body.status().message()));
  const int mocap = model.body_mocapid[*body];
  if (mocap < 0) return at.Error(absl::StrCat("body \"", config.mocap(), "\" is no mocap body"));
  if (config.range_size() == 3) return mocap;
  return at.Error(
      absl::StrCat("a mocap body is put at three numbers, range has ", config.range_size()));
}

absl::Status CheckCommand(const Command& config, const Place& place) {
  if (config.name().empty()) return place.Field(config, "name").Error("is missing");
  if (config.range().empty()) return place.Field(config, "range").Error("is missing");
  for (int i = 0; i < config.range_size(); ++i) {
    PMOE_RETURN_IF_ERROR(
        CheckInterval(config.range(i), place.Field(config, "range", i), /*bounded=*/true));
  }
  if (!(config.resample_s() >= 0)) {
    return place.Field(config, "resample_s")
        .Error(absl::StrCat("must be >= 0, got ", config.resample_s()));
  }
  if (config.zero_share() >= 0 && config.zero_share() <= 1) return absl::OkStatus();
  return place.Field(config, "zero_share")
      .Error(absl::StrCat("must be in [0, 1], got ", config.zero_share()));
}

absl::Status CheckClock(const PhaseClock& config, const Place& place) {
  if (config.name().empty()) return place.Field(config, "name").Error("is missing");
  if (config.period_s() > 0 && std::isfinite(config.period_s()) && std::isfinite(config.offset())) {
    return absl::OkStatus();
  }
  return place.Field(config, "period_s")
      .Error(absl::StrCat("must be > 0 and offset a number, got ", config.period_s(), " and ",
                          config.offset()));
}

template <typename Entries>
absl::StatusOr<absl::Span<double>> FindNumbers(const Entries& entries, absl::string_view what,
                                               const std::string& name) {
  std::vector<std::string> names;
  for (const auto& entry : entries) {
    if (entry.config.name() == name) return entry.values;
    names.push_back(entry.config.name());
  }
  const std::vector<std::string> near = NearNames(name, names);
  return absl::InvalidArgumentError(absl::StrCat(
      "the task has no ", what, " named \"", name, "\"",
      near.empty() ? "" : absl::StrCat("; did you mean ", absl::StrJoin(near, " or "), "?"),
      names.empty() ? "" : absl::StrCat(" It has ", absl::StrJoin(names, ", "))));
}

}  // namespace

absl::StatusOr<Commands> Commands::Compile(const MjcfTaskConfig& task, const Place& place,
                                           const mjModel& model, EpisodeMemory* memory) {
  Commands compiled;
  for (int i = 0; i < task.command_size(); ++i) {
    const pmoe::Command& config = task.command(i);
    const Place at = place.Field(task, "command", i);
    PMOE_RETURN_IF_ERROR(CheckCommand(config, at));
    if (compiled.Command(config.name()).ok()) {
      return at.Field(config, "name").Error("is taken by an earlier command");
    }
    PMOE_ASSIGN_OR_RETURN(const int mocap, FindMocap(config, at, model));
    compiled.commands_.push_back(
        {config, memory->Allocate(config.range_size()), memory->Allocate(1), mocap});
  }
  for (int i = 0; i < task.clock_size(); ++i) {
    const Place at = place.Field(task, "clock", i);
    PMOE_RETURN_IF_ERROR(CheckClock(task.clock(i), at));
    if (compiled.Clock(task.clock(i).name()).ok()) {
      return at.Field(task.clock(i), "name").Error("is taken by an earlier clock");
    }
    compiled.clocks_.push_back({task.clock(i), memory->Allocate(2)});
  }
  return compiled;
}

absl::StatusOr<absl::Span<double>> Commands::Command(const std::string& name) const {
  return FindNumbers(commands_, "command", name);
}

absl::StatusOr<absl::Span<double>> Commands::Clock(const std::string& name) const {
  return FindNumbers(clocks_, "clock", name);
}

// As many draws whether it becomes zero or not: what is drawn later does not depend on it.
void Commands::Draw(const DrawnCommand& command, Pcg64* generator, mjData* data) {
  const bool zero =
      command.config.zero_share() > 0 && generator->NextDouble() < command.config.zero_share();
  for (int i = 0; i < command.config.range_size(); ++i) {
    const Interval& range = command.config.range(i);
    const double drawn = generator->Uniform(range.min(), range.max());
    command.values[i] = zero ? 0.0 : drawn;
  }
  const double every_s = command.config.resample_s();
  command.left_s[0] = every_s > 0 ? every_s : std::numeric_limits<double>::infinity();
  if (command.mocap >= 0) {
    std::copy(command.values.begin(), command.values.end(), data->mocap_pos + 3 * command.mocap);
  }
}

void Commands::Start(Pcg64* generator, mjData* data) const {
  for (const DrawnCommand& command : commands_) Draw(command, generator, data);
}

void Commands::Advance(double step_s, Pcg64* generator, mjData* data) const {
  for (const DrawnCommand& command : commands_) {
    command.left_s[0] -= step_s;
    // Half a step: sums of steps are not exact.
    if (command.left_s[0] < 0.5 * step_s) Draw(command, generator, data);
  }
  TurnClocks(data->time);
}

void Commands::TurnClocks(double time_s) const {
  for (const TurningClock& clock : clocks_) {
    const double phase = time_s / clock.config.period_s() + clock.config.offset();
    const double angle = 2 * std::numbers::pi * (phase - std::floor(phase));
    clock.values[0] = std::sin(angle);
    clock.values[1] = std::cos(angle);
  }
}

}  // namespace pmoe
