// What `pmoe status --watch` draws of a run that answers: first what holds it back, then its rates
// and the learner's time, then its members, as many as the screen has room for. Pure function.
#pragma once

#include <string>
#include <vector>

#include "cli/watch/live_screen.h"
#include "cli/watch/styled_text.h"
#include "proto/run.pb.h"

namespace pmoe {

// `sort`: one of ActorSortFields. Lines are no wider than the screen but for the members', whose
// end may be cut. What an older learner does not say is shown as "–" or left out.
std::vector<StyledLine> StatusScreen(const RunStatus& status, const ScreenSize& screen,
                                     const std::string& sort);

}  // namespace pmoe
