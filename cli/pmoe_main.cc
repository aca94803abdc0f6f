// pmoe: the user's command. Links neither LibTorch nor MuJoCo, so that it answers at once; what
// needs them is another binary that it becomes.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/command_exec.h"
#include "cli/commands.h"
#include "common/base/build_info.h"
#include "common/base/exit_code.h"
#include "common/base/near_names.h"

namespace pmoe {
namespace {

absl::Status UnknownCommand(const std::string& word, const std::vector<std::string>& commands) {
  const std::vector<std::string> near = NearNames(word, commands);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown command ", word,
                   near.empty() ? "" : absl::StrCat("; did you mean ", near.front(), "?"),
                   " (commands: ", absl::StrJoin(commands, ", "), ")"));
}

// `version`, also as a flag.
class VersionCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    return app->add_subcommand("version", "Print the version");
  }
  absl::StatusOr<int> Run() override {
    std::printf("pmoe %s\n", BuildVersion().c_str());
    return 0;
  }
};

std::vector<std::unique_ptr<Command>> OwnCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  for (const auto make :
       {MakeConfigCommand, MakeUpCommand, MakeSweepCommand, MakeCertsCommand, MakeRunCommand,
        MakeStatusCommand, MakeDashboardCommand, MakeHealthCommand, MakeDoctorCommand}) {
    commands.push_back(make());
  }
  commands.push_back(std::make_unique<VersionCommand>());
  return commands;
}

int Main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty()) {
    if (const RoleCommand* command = FindRoleCommand(words.front())) {
      return ReportError(ExecRole(*command, {words.begin() + 1, words.end()}));
    }
  }
  CLI::App app(
      "Actor-learner reinforcement learning with probabilistic mixture-of-experts policies.",
      "pmoe");
  app.set_version_flag("--version", "pmoe " + BuildVersion());
  // Here for --help only: they were taken above.
  for (const RoleCommand& command : RoleCommands()) app.add_subcommand(command.name, command.help);
  CommandSet own(&app, OwnCommands());
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());

  // Last: a subcommand made after it would repeat it.
  app.footer(
      "Start with:\n  pmoe train --env HalfCheetah-v5\n`pmoe envs` lists the tasks; yours is "
      "mjcf:FILE.textproto, gym:ID or plugin:FILE.so. `pmoe COMMAND --help` explains a command.");

  if (words.empty()) {
    std::fputs(app.help().c_str(), stderr);  // tidy: allowed because it is the help
    return 2;
  }
  const std::string& first = words.front();
  if (first == "help") {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  }
  const bool known = std::find(commands.begin(), commands.end(), first) != commands.end();
  if (!known && !first.empty() && first[0] != '-')
    return ReportError(UnknownCommand(first, commands));
  return own.Run(argc, argv);
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) { return pmoe::Main(argc, argv); }
