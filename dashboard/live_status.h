// How a dashboard learns of a run what its files do not say. Values.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "proto/run.pb.h"

namespace pmoe {

// The run in this directory as it is now; nullopt: nobody runs it. May take a second; called by any
// thread.
using LiveStatus = std::function<std::optional<RunStatus>(const std::string& directory)>;

}  // namespace pmoe
