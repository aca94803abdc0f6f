// The picture that `pmoe status --watch` draws once a second: a whole cluster within a terminal's
// width and height. Pure function.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/watch/live_screen.h"
#include "proto/run.pb.h"

namespace pmoe {

struct StatusView {
  std::optional<RunStatus> status;  // the last one that came
  std::string address;              // the learner's
  std::string time;                 // now, "12:34:56"
  std::string away_since;           // no answer since then; empty: it answers
  std::string error;                // why not
};

// Members that are gone come first, then replay, then the rest, as many as fit.
std::vector<std::string> StatusScreen(const StatusView& view, const ScreenSize& size);

}  // namespace pmoe
