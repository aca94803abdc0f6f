#include "actor/env/mjcf/pushes.h"

#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "actor/env/mjcf/object_names.h"
#include "common/base/status_macros.h"

namespace pmoe {

absl::StatusOr<Pushes> Pushes::Compile(const MjcfTaskConfig& task, const Place& place,
                                       const mjModel& model, EpisodeMemory* memory) {
  Pushes pushes;
  for (int i = 0; i < task.push_size(); ++i) {
    const Push& config = task.push(i);
    const Place at = place.Field(task, "push", i);
    const absl::StatusOr<int> body = FindObject(model, mjOBJ_BODY, config.body());
    if (!body.ok()) return at.Field(config, "body").Error(std::string(body.status().message()));
    PMOE_RETURN_IF_ERROR(
        CheckInterval(config.force(), at.Field(config, "force"), /*bounded=*/true));
    PMOE_RETURN_IF_ERROR(
        CheckInterval(config.every_s(), at.Field(config, "every_s"), /*bounded=*/true));
    if (!(config.every_s().min() > 0) || !(config.duration_s() > 0) ||
        !(config.duration_s() <= config.every_s().min())) {
      return at.Error(absl::StrCat("needs 0 < duration_s <= every_s.min, got ", config.duration_s(),
                                   " and ", config.every_s().min()));
    }
    pushes.entries_.push_back({config, *body, memory->Allocate(1), memory->Allocate(1)});
  }
  return pushes;
}

void Pushes::Start(Pcg64* generator) const {
  for (const Entry& entry : entries_) {
    const Interval& every = entry.config.every_s();
    entry.wait_s[0] = generator->Uniform(every.min(), every.max());
    entry.left_s[0] = 0.0;
  }
}

void Pushes::Advance(double step_s, Pcg64* generator, mjData* data) const {
  for (const Entry& entry : entries_) {
    mjtNum* const force = data->xfrc_applied + 6 * entry.body;
    // Half a step: sums of steps are not exact.
    if (entry.left_s[0] > 0) {
      entry.left_s[0] -= step_s;
      if (entry.left_s[0] < 0.5 * step_s) {
        entry.left_s[0] = 0.0;
        mju_zero3(force);
      }
    }
    entry.wait_s[0] -= step_s;
    if (entry.wait_s[0] >= 0.5 * step_s) continue;
    const Interval& every = entry.config.every_s();
    const double newtons =
        generator->Uniform(entry.config.force().min(), entry.config.force().max());
    const double direction = generator->Uniform(0.0, 2 * std::numbers::pi);
    force[0] = newtons * std::cos(direction);
    force[1] = newtons * std::sin(direction);
    entry.left_s[0] = entry.config.duration_s();
    entry.wait_s[0] = generator->Uniform(every.min(), every.max());
  }
}

}  // namespace pmoe
