// The commands that `pmoe` does itself; what needs Torch or MuJoCo is in other binaries
// (cli/command_exec.h).
#pragma once

#include "common/base/command.h"

namespace pmoe {

std::unique_ptr<Command> MakeConfigCommand();
std::unique_ptr<Command> MakeUpCommand();
std::unique_ptr<Command> MakeSweepCommand();
std::unique_ptr<Command> MakeCertsCommand();
std::unique_ptr<Command> MakeRunCommand();
std::unique_ptr<Command> MakeStatusCommand();
std::unique_ptr<Command> MakeDashboardCommand();
std::unique_ptr<Command> MakeHealthCommand();
std::unique_ptr<Command> MakeDoctorCommand();

}  // namespace pmoe
