// Run directories for the dashboard's tests.
#pragma once

#include <fstream>
#include <string>

#include "common/base/file.h"
#include "gtest/gtest.h"

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

}  // namespace pmoe
