// Which actors came and went, in words for log.txt, where the dashboard finds them for its curves.
// Used by the learner's loop only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/run.pb.h"

namespace pmoe {

class MemberNotes {
 public:
  // A process that comes and goes for ever must not fill the disk.
  static constexpr int kLinesMax = 5000;

  // What has changed since the last call, at most a line a kind: "actor 3 joined at 1200 env
  // steps", "12 actors are gone at 1200 env steps".
  std::vector<std::string> Changes(const RunStatus& status, uint64_t env_steps);

 private:
  std::map<uint32_t, uint32_t> connected_;  // index and epoch of actors
  int lines_ = 0;
};

}  // namespace pmoe
