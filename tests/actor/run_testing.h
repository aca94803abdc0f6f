// A run directory as a training leaves it, with random weights.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/file.h"
#include "tests/actor/policy_testing.h"

namespace pmoe {

// What `eval`, `play` and `export` read. Replaces one that is there.
inline void MakeRandomRun(const std::string& directory, const std::string& env_id,
                          const PolicyChange& change = {}) {
  std::filesystem::create_directories(directory + "/snapshots");
  std::ofstream(directory + "/config.textproto")
      << "env { id: \"" << env_id << "\" }\nobserve {}\n";
  const auto env = MakeEnv(env_id, {}, "");
  PMOE_CHECK(env.ok());
  const std::string snapshot = RandomSnapshot(PolicyFor((*env)->spec(), change), 1)->Encode();
  PMOE_CHECK(WriteFileAtomic(directory + "/snapshots/latest.pmoe", snapshot).ok());
}

}  // namespace pmoe
