// What a run's beginning depends on, as the flags of a command line or another program say it.
// Includes protobuf, so no file that includes Torch may include this one.
#pragma once

#include <string>

#include "common/config/run_config.h"

namespace pmoe {

struct RunStartOptions {
  ConfigSources config;
  std::string out;     // empty: runs/<env>-<algo>-s<seed>-<time>
  std::string resume;  // run directory; empty: a new run
  bool or_resume = false;
  bool allow_other_env = false;
};

}  // namespace pmoe
