// Parses a command line for every binary alike: --help on stdout with exit code 0; a usage error as
// one line that names the fix, exit code 2.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

// The first thing that a main calls. The exit code if the process should end here, nullopt to go
// on.
std::optional<int> ParseCommandLine(CLI::App* app, int argc, const char* const* argv);

// What a flag that no command has may have been meant for, as the end of an error message
// ("; did you mean …?"), or "". One for the process; command_line knows no settings.
using ArgumentHelp = std::string (*)(absl::string_view flag);
void HelpWithUnknownArguments(ArgumentHelp help);

}  // namespace pmoe
