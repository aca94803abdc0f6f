#include "cli/command_exec.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/package.h"

namespace pmoe {

const std::vector<RoleCommand>& RoleCommands() {
  static const auto& commands = *new std::vector<RoleCommand>{
      {"train", "pmoe-train", "", "Train a policy, or continue a run"},
      {"eval", "pmoe-actor", "eval", "Play episodes with a run's policy and print their returns"},
      {"play", "pmoe-actor", "play", "Draw a run's policy at work: a video or pictures"},
      {"export", "pmoe-actor", "export", "Write a run's policy as ONNX, C or NumPy"},
      {"envs", "pmoe-actor", "envs", "List the tasks"},
      {"env", "pmoe-actor", "env", "Replay actions in a task and print every step"},
      {"replay", "pmoe-replay", "", "Serve a replay shard, or look after its files"},
      {"ray", "", "ray_cluster", "Train on a Ray cluster"},
      {"scale", "", "scale", "Measure how a training scales with actors"},
      {"paper", "", "paper", "Make the paper's tables and figures anew"},
      {"bench", "pmoe-bench", "", "Run a named benchmark"},
  };
  return commands;
}

const RoleCommand* FindRoleCommand(absl::string_view name) {
  for (const RoleCommand& command : RoleCommands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

absl::Status ExecBinary(const std::string& binary, const std::vector<std::string>& args) {
  const std::string path = BinaryPath(binary);
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  if (errno == ENOENT) {
    return absl::NotFoundError(
        absl::StrCat("this command needs ", path, ", which is not there: ", HowToMend()));
  }
  return absl::InternalError(absl::StrCat("cannot start ", path, ": ", std::strerror(errno)));
}

absl::Status ExecPython(const std::string& package, const std::vector<std::string>& args) {
  const std::string script = absl::StrCat(PythonFolder(), "/", package, "/__main__.py");
  if (::access(script.c_str(), R_OK) != 0) {
    return absl::NotFoundError(
        absl::StrCat("this command is Python, and there is no ", script,
                     ": it comes with the wheel (pip install pmoe-*.whl) and with a checkout"));
  }
  const char* const given = std::getenv("PMOE_PYTHON");
  std::string python = given == nullptr ? "" : given;
  if (python.empty() && !PackageFolder().empty()) python = WheelPython();
  if (python.empty()) python = "python3";
  ::setenv("PMOE_BIN_DIR", BinaryPath("").c_str(), /*overwrite=*/1);
  std::vector<char*> argv = {const_cast<char*>(python.c_str()), const_cast<char*>(script.c_str())};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  ::execvp(python.c_str(), argv.data());
  return absl::NotFoundError(absl::StrCat("cannot start the Python ", python, ": ",
                                          std::strerror(errno),
                                          "; name one by PMOE_PYTHON=/path/to/python3"));
}

absl::Status ExecRole(const RoleCommand& command, const std::vector<std::string>& args) {
  if (command.binary[0] == '\0') return ExecPython(command.command, args);
  std::vector<std::string> role_args;
  if (command.command[0] != '\0') role_args.emplace_back(command.command);
  role_args.insert(role_args.end(), args.begin(), args.end());
  return ExecBinary(command.binary, role_args);
}

}  // namespace pmoe
