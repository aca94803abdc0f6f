// Requests and messages as followers send them, for tests of the control plane.
#pragma once

#include <string>

#include "control/service/run_hub.h"
#include "tests/common/policy/sample_policy.h"

namespace pmoe {

inline RosterOptions SmallRoster(bool lockstep = false, uint32_t actors = 2) {
  RosterOptions options;
  options.run_id = "run";
  options.build_id = "build";
  options.lockstep = lockstep;
  options.actors = actors;
  return options;
}

inline JoinRequest MakeJoin(RunRole role, uint32_t pid) {
  JoinRequest request;
  request.set_role(role);
  request.mutable_process()->set_pid(pid);
  request.mutable_process()->set_host("here");
  request.mutable_process()->set_build_id("build");
  return request;
}

inline EnvSpecMessage MakeEnv(const std::string& id = "Task-v0") {
  EnvSpecMessage env;
  env.set_id(id);
  env.set_obs_dim(1);
  env.set_action_dim(1);
  env.add_action_low(-1.0);
  env.add_action_high(1.0);
  env.set_simulator("none");
  return env;
}

inline FollowerMessage MakeFirst(RunRole role, const Seat& seat) {
  FollowerMessage first;
  first.set_role(role);
  *first.mutable_seat() = seat;
  *first.mutable_env() = MakeEnv();
  return first;
}

inline std::shared_ptr<const PolicySnapshot> MakeVersion(uint64_t version) {
  PolicySnapshot snapshot = SmallSnapshot();
  snapshot.version = version;
  return std::make_shared<const PolicySnapshot>(std::move(snapshot));
}

}  // namespace pmoe
