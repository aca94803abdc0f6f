// Has a part do its work, small: what a look cannot tell. Everything is written below a scratch
// folder.
#pragma once

#include <atomic>
#include <string>

#include "cli/doctor/part.h"

namespace pmoe {

// A training of 1,000 env steps, half of them with updates, into <scratch>/train-<device>.
Trial TryTraining(const std::string& scratch, const std::string& device,
                  const std::atomic<bool>& interrupted);
// The same as processes, with one actor, into <scratch>/up.
Trial TryCluster(const std::string& scratch, const std::atomic<bool>& interrupted);
// A second of video of the policy that TryTraining has left; trains one if there is none.
Trial TryPlaying(const std::string& scratch, const std::atomic<bool>& interrupted);
// Serves <scratch> and reads the page.
Trial TryDashboard(const std::string& scratch, const std::atomic<bool>& interrupted);

}  // namespace pmoe
