// Where an update's time goes: seconds by phase, summed since the start. A clock read per phase,
// some 25 ns. Thread-compatible.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/stopwatch.h"

namespace pmoe {

class PhaseClock {
 public:
  explicit PhaseClock(std::vector<std::string> names)
      : names_(std::move(names)), seconds_(names_.size(), 0.0) {}

  // A phase begins where the last one ended, or here.
  void Start() { watch_.Lap(); }
  void End(size_t phase) { seconds_[phase] += watch_.Lap(); }

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<double>& seconds() const { return seconds_; }

 private:
  std::vector<std::string> names_;
  std::vector<double> seconds_;
  Stopwatch watch_;
};

}  // namespace pmoe
