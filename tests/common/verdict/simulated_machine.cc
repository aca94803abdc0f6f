#include "tests/common/verdict/simulated_machine.h"

#include <algorithm>
#include <limits>

namespace pmoe {

double SimulatedMachine::Speed() const {
  return std::min(1.0, cores_ / static_cast<double>(computing_.size()));
}

void SimulatedMachine::Pass(double seconds) {
  if (!computing_.empty()) work_s_ += seconds * Speed();
  now_s_ += seconds;
}

bool SimulatedMachine::Step() {
  constexpr double kNever_s = std::numeric_limits<double>::infinity();
  const double sleeps_s =
      sleeping_.empty() ? kNever_s : std::max(0.0, sleeping_.top().at_s - now_s_);
  const double computes_s =
      computing_.empty() ? kNever_s : std::max(0.0, (computing_.top().at_s - work_s_) / Speed());
  if (sleeping_.empty() && computing_.empty()) return false;
  Queue* const queue = sleeps_s <= computes_s ? &sleeping_ : &computing_;
  Pass(std::min(sleeps_s, computes_s));
  const Then then = queue->top().then;
  queue->pop();
  then();
  return true;
}

}  // namespace pmoe
