// Run directories for the dashboard's tests.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "gtest/gtest.h"
#include "proto/run.pb.h"

namespace pmoe {

inline void Append(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app | std::ios::binary) << text;
}

// A run with two rows and one line.
inline std::string MakeRun(const std::string& path) {
  EXPECT_TRUE(MakeDirs(path).ok());
  Append(path + "/config.textproto",
         "algorithm: \"sac\"\nseed: 7\nenv { id: \"Hopper-v5\" }\n"
         "schedule { total_steps: 3000 mode: \"lockstep\" steps_per_round: 50 }\n");
  Append(path + "/metrics.csv", "env_steps,eval_return_mean\n1000,5\n2000,\n");
  Append(path + "/log.txt", "started\n");
  return path;
}

// A run of actors that make so many steps per second, blocked for a quarter of the time.
inline RunStatus StatusOfActors(const std::vector<double>& steps_per_s) {
  RunStatus status;
  status.set_state("running");
  status.set_policy_version(10);
  for (size_t i = 0; i < steps_per_s.size(); ++i) {
    MemberStatus* const actor = status.add_members();
    actor->set_role(RUN_ROLE_ACTOR);
    actor->set_index(static_cast<uint32_t>(i));
    actor->set_connected(true);
    actor->set_policy_version(9);
    actor->mutable_rates()->set_env_steps_per_s(steps_per_s[i]);
    actor->mutable_rates()->mutable_time()->set_env(0.75);
    actor->mutable_rates()->mutable_time()->set_blocked(0.25);
  }
  return status;
}

}  // namespace pmoe
