// Says when inserts or samples wait long: after 5 s of one wait, after 10, 20, 40 …
// Thread-compatible; its owner shows it the counts about once a second.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "replay/core/shard_types.h"

namespace pmoe {

class StallReport {
 public:
  // Lines for people, with what the shard says of its limiter; as a rule none.
  std::vector<std::string> Look(const ShardStats& counts, absl::string_view limiter);

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
