// Says when inserts or samples wait long: after 5 s of one wait, after 10, 20, 40 …
// Thread-compatible; its owner shows it the counts about once a second.
#pragma once

#include <string>
#include <vector>

#include "replay/core/shard_types.h"

namespace pmoe {

class StallReport {
 public:
  // Lines for people, with the limiter's inequality; as a rule none.
  std::vector<std::string> Look(const ShardStats& counts);

 private:
  static constexpr double kFirst_s = 5.0;
  struct Side {
    double last_s = 0.0;  // how long the wait had lasted at the last look
    double due_s = kFirst_s;
  };
  static bool IsDue(double waited_s, Side* side);

  Side inserts_;
  Side samples_;
};

}  // namespace pmoe
