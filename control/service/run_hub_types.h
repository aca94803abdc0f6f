// What a RunHub is made with, and what it hands to the streams of its followers. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "control/service/roster.h"
#include "proto/run.pb.h"

namespace pmoe {

struct RunHubOptions {
  RosterOptions roster{};
  uint64_t learner_epoch = 1;
  RunConfig config{};
  std::string directory;                   // of the run, for messages
  std::optional<EnvSpecMessage> kept_env;  // what the run was made with, if that is known
  bool allow_other_env = false;
  // Newest weights that an earlier life of the learner may have published: who still has them goes
  // on with them.
  uint64_t versions_before = 0;
  // Called before a version is published, by who publishes it, so that it is known after a crash;
  // may be empty.
  std::function<void(uint64_t version)> before_publish{};
  Clock* clock = Clock::Real();
};

// An encoded snapshot, serialised once for everybody.
struct EncodedSnapshot {
  uint64_t version = 0;
  uint64_t env_steps = 0;
  std::string bytes;
};

// What a follower's stream has been sent.
struct FollowerCursor {
  RunRole role = RUN_ROLE_UNSPECIFIED;
  Seat seat;
  uint64_t stream = 0;         // number of its stream, as the roster gave it
  uint64_t serial = 0;         // of the last directive
  uint64_t version = 0;        // of the last snapshot
  bool has_env_files = false;  // the very ones of the run's first member
};

// News for one follower, in the order in which they must be sent.
struct FollowerNews {
  std::shared_ptr<const EncodedSnapshot> snapshot;  // null: none
  std::optional<DirectiveMessage> directive;
  bool send_env_files = false;
};

}  // namespace pmoe
