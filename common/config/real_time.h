// What an actor that paces a robot asks of the rest of a configuration.
#pragma once

#include "absl/status/status.h"
#include "proto/config.pb.h"

namespace pmoe {

// InvalidArgumentError: actor.real_time_hz could not be kept.
absl::Status CheckRealTime(const RunConfig& config);

}  // namespace pmoe
