// Hands a command over to the binary that does it. That binary parses the arguments, so `pmoe`
// needs neither its libraries nor its flags.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pmoe {

struct RoleCommand {
  const char* name;    // what the user types after `pmoe`
  const char* binary;  // lies beside `pmoe`; empty: it is Python
  const char*
      command;  // the binary's own subcommand; empty: none. The folder of the Python package
  const char* help;
};

// train, eval, play, export, envs, env, replay, ray, scale, bench.
const std::vector<RoleCommand>& RoleCommands();

// nullptr: no role does it.
const RoleCommand* FindRoleCommand(absl::string_view name);

// Replaces this process; returns only on an error. NotFoundError: the binary is not beside this
// one.
absl::Status ExecBinary(const std::string& binary, const std::vector<std::string>& args);

// Replaces this process by Python with the package's folder `package` ("ray_cluster"):
// $PMOE_PYTHON, an installation's own, else the first python3 of PATH. The programs it starts are
// those beside this one.
absl::Status ExecPython(const std::string& package, const std::vector<std::string>& args);

// `args`: what followed the command's name.
absl::Status ExecRole(const RoleCommand& command, const std::vector<std::string>& args);

}  // namespace pmoe
