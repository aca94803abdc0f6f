// What `pmoe status` prints for people: all that is known of each member. Pure function.
#pragma once

#include <string>

#include "proto/run.pb.h"

namespace pmoe {

// What matters most comes first. Members that are gone come before replay, and actors last.
std::string StatusText(const RunStatus& status);

}  // namespace pmoe
