// The actors of a run as lines of a screen: what each does with its time, and, of hundreds, a line
// for all that fare alike. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/watch/styled_text.h"
#include "proto/run.pb.h"

namespace pmoe {

// The worst first. Who is silent or slow the status says; kGone: silent, and it follows no more.
enum class ActorState { kGone, kSilent, kSlow, kRunning };

struct ActorRow {
  const MemberStatus* member = nullptr;
  ActorState state = ActorState::kRunning;
};

// What --sort takes.
const std::vector<std::string>& ActorSortFields();

// By one of these fields, what is remarkable first: the fewest steps/s and the oldest weights, but
// the most of all else; equal ones by index. Rows point into `status`.
std::vector<ActorRow> SortedActors(const RunStatus& status, absl::string_view field);

// How many actors there are, and a line for each state that some are in, with the least, median and
// largest numbers and the worst of them by name.
std::vector<StyledLine> ActorStateLines(const std::vector<ActorRow>& rows);

// The columns of the lines below.
StyledLine MemberHeading();
StyledLine ActorLine(const ActorRow& row);
// Replay shard or evaluator; what an actor's columns say is empty.
StyledLine OtherMemberLine(const MemberStatus& member);

}  // namespace pmoe
