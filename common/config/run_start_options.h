// What a run's beginning depends on, as the flags of a command line or another program say it.
// Includes protobuf, so no file that includes Torch may include this one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/config/run_config.h"

namespace pmoe {

struct RunStartOptions {
  ConfigSources config;
  std::string out;              // empty: runs/<env>-<algo>-s<seed>-<time>
  std::string resume;           // run directory; empty: a new run
  std::vector<uint64_t> seeds;  // --seeds, a run each; empty: one run
  int jobs = 0;                 // of several seeds, side by side; 0: as fits the machine
  std::string seed_report;      // of several seeds: a file that says how each fares; empty: none
  bool or_resume = false;
  bool allow_other_env = false;
  bool quiet = false;  // what --resume changes is not printed
};

}  // namespace pmoe
