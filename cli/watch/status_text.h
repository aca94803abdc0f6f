// What `pmoe status` prints for people, and draws once a second with --watch. Pure function.
#pragma once

#include <string>

#include "proto/run.pb.h"

namespace pmoe {

// A screen may cut it on the right and below: what matters most comes first. Members that are gone
// come before replay, and actors last.
std::string StatusText(const RunStatus& status);

}  // namespace pmoe
