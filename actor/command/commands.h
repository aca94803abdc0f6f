// The commands of pmoe-actor that users type, beside `run`.
#pragma once

#include "common/base/command.h"

namespace pmoe {

// `eval`: plays episodes with a run's policy and prints their returns.
std::unique_ptr<Command> MakeEvalCommand();
// `play`: draws them, as a video or as pictures.
std::unique_ptr<Command> MakePlayCommand();
// `export`: the policy's weights for other programs.
std::unique_ptr<Command> MakeExportCommand();
// `envs`: the list.
std::unique_ptr<Command> MakeEnvsCommand();
// `env trace`: actor/env_trace.h from a file to stdout.
std::unique_ptr<Command> MakeEnvCommand();
// `check-env`: makes an environment once; with a run, compares it with what that was made with.
std::unique_ptr<Command> MakeCheckEnvCommand();

}  // namespace pmoe
