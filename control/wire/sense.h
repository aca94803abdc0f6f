// Whether what a peer says makes sense, beside what its proto says: finite and possible numbers,
// bounded texts and lists, nothing that is another role's to say. One function for each door of the
// control plane; a field that is added to a message gets its line here. Free functions;
// thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "proto/run.pb.h"

namespace pmoe {

// What makes no sense. `reason` is one of few words, for pmoe_rejected_total: "number", "too_long",
// "control_character", "version", "count", "round", "not_its_role". `what` names the field and the
// value.
struct Nonsense {
  std::string reason;
  std::string what;

  // InvalidArgumentError; of a version OutOfRangeError (MustJoinAnew).
  absl::Status ToStatus() const;
};
using MaybeNonsense = std::optional<Nonsense>;

// An actor reports about once a second.
inline constexpr uint64_t kEnvStepsPerReportMax = 1'000'000;  // of each environment
inline constexpr int kEpisodesPerReportMax = 1'000'000;
inline constexpr int kReportsPerMessageMax = 1'000;

// What the run knows, against which a member's numbers are held.
struct FollowerLimits {
  uint64_t version_max = 0;    // newest weights that any life of the run may have published
  uint32_t envs = 1;           // of an actor
  uint32_t episode_steps = 0;  // of an episode; 0: no limit
  bool lockstep = false;
  bool checkpoint = false;  // the directive that stands asks for the actor's part
  bool env_fails = false;   // the environment is somebody's code, which may fail by itself
};

MaybeNonsense CheckJoin(const JoinRequest& request);
// What a follower says in any message but for its environment, which CheckEnvSpec looks at.
MaybeNonsense CheckFollower(RunRole role, const FollowerMessage& message,
                            const FollowerLimits& limits);
// A version of weights alone.
MaybeNonsense CheckVersion(uint64_t version, uint64_t version_max);

// What a member hears from its learner.
MaybeNonsense CheckJoinReply(const JoinReply& reply);
MaybeNonsense CheckDirective(const DirectiveMessage& directive);

}  // namespace pmoe
