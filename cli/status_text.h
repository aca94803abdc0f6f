// What `pmoe status` prints for people. Pure function.
#pragma once

#include <string>

#include "proto/run.pb.h"

namespace pmoe {

std::string StatusText(const RunStatus& status);

}  // namespace pmoe
