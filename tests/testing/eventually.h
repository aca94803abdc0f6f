// Waits for what another thread or process brings about.
#pragma once

#include <poll.h>

#include <chrono>

#include "common/base/clock.h"

namespace pmoe {

// False when the condition did not hold in time. Looks a hundred times a second and leaves the
// processor to the others in between.
template <typename Condition>
bool Eventually(const Condition& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(40)) {
  constexpr int kPoll_ms = 10;
  const Clock::Time deadline = Clock::Real()->Now() + limit;
  while (!condition()) {
    if (Clock::Real()->Now() > deadline) return false;
    ::poll(nullptr, 0, kPoll_ms);
  }
  return true;
}

}  // namespace pmoe
