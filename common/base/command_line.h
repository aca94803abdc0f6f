// Parses a command line for every binary alike: --help on stdout with exit code 0; a usage error as
// one line that names the fix, exit code 2.
#pragma once

#include <optional>

#include "common/base/cli_fwd.h"

namespace pmoe {

// The first thing that a main calls. The exit code if the process should end here, nullopt to go
// on.
std::optional<int> ParseCommandLine(CLI::App* app, int argc, const char* const* argv);

}  // namespace pmoe
