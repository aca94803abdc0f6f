// Which actors of a run are far slower than the others or say nothing, told in its status. Whoever
// publishes a status decides it here, and whoever shows one shows what is told there: so the
// verdict, `pmoe status` and the dashboard name the same ones. Pure functions.
#pragma once

#include "common/verdict/run_measure.h"
#include "proto/run.pb.h"

namespace pmoe {

// What a member says of itself; where it runs and which cores it uses is the caller's to know.
ActorMeasure MeasureActor(const MemberStatus& actor);

// From the members, as they are in `status`, the verdict's slow_actors and silent_actors, and a
// sentence about them behind its text; nobody once the run is finished. Of each status once, last.
void NameStragglers(RunStatus* status);

}  // namespace pmoe
