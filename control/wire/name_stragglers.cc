#include "control/wire/name_stragglers.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/verdict/stragglers.h"

namespace pmoe {

ActorMeasure MeasureActor(const MemberStatus& actor) {
  ActorMeasure measure;
  measure.index = actor.index();
  measure.connected = actor.connected();
  measure.silent_s = actor.last_report_s();
  measure.steps_per_s = actor.rates().env_steps_per_s();
  if (!actor.rates().has_time()) return measure;
  const ActorTime& time = actor.rates().time();
  measure.time = ActorMeasure::Time{.busy = time.env() + time.policy() + time.write(),
                                    .blocked = time.blocked(),
                                    .idle = time.idle()};
  return measure;
}

void NameStragglers(RunStatus* status) {
  if (status->state() == "finished") return;
  RunMeasure measure;
  measure.pace = status->mode() == "lockstep" ? Pace::kTurns : Pace::kLimiter;
  for (const MemberStatus& member : status->members()) {
    if (member.role() == RUN_ROLE_ACTOR) measure.actors.push_back(MeasureActor(member));
  }
  measure = Clean(std::move(measure));
  const Stragglers found = FindStragglers(measure);
  if (!found.any()) return;
  VerdictMessage* const verdict = status->mutable_verdict();
  *verdict->mutable_slow_actors() = {found.slow.begin(), found.slow.end()};
  *verdict->mutable_silent_actors() = {found.silent.begin(), found.silent.end()};
  absl::StrAppend(verdict->mutable_text(), verdict->text().empty() ? "" : " ",
                  StragglersText(found, measure.pace));
}

}  // namespace pmoe
