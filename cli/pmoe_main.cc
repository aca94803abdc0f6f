// pmoe: the user's command. Links neither LibTorch nor MuJoCo, so that it answers at once; what
// needs them is another binary that it becomes.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/command_certs.h"
#include "cli/command_config.h"
#include "cli/command_exec.h"
#include "cli/sweep/command_sweep.h"
#include "cli/up/command_up.h"
#include "cli/watch/command_dashboard.h"
#include "cli/watch/command_status.h"
#include "common/base/build_info.h"
#include "common/base/command_line.h"
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

// The commands that this binary does itself.
class OwnCommands {
 public:
  void AddTo(CLI::App* app) {
    config_.AddTo(app);
    up_.AddTo(app);
    sweep_.AddTo(app);
    certs_.AddTo(app);
    status_.AddTo(app);
    dashboard_.AddTo(app);
    health_.AddTo(app);
    app->add_subcommand("version", "Print the version");
  }
  // After parsing: the exit code.
  int Run() const {
    if (sweep_.chosen()) return sweep_.Run();
    if (status_.chosen()) return status_.Run();
    if (health_.chosen()) return health_.Run();
    if (dashboard_.chosen()) return ReportError(dashboard_.Run());
    if (certs_.chosen()) return ReportError(certs_.Run());
    if (up_.chosen()) return ReportError(up_.Run());
    if (config_.chosen()) return ReportError(config_.Run());
    std::printf("pmoe %s\n", BuildVersion().c_str());
    return 0;
  }

 private:
  ConfigCommand config_;
  UpCommand up_;
  SweepCommand sweep_;
  CertsCommand certs_;
  StatusCommand status_;
  DashboardCommand dashboard_;
  HealthCommand health_;
};

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
  app.require_subcommand(1);
  app.set_version_flag("--version", "pmoe " + BuildVersion());
  // Here for --help only: they were taken above.
  for (const RoleCommand& command : RoleCommands()) app.add_subcommand(command.name, command.help);
  OwnCommands own;
  own.AddTo(&app);
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());

  // Last: a subcommand made after it would repeat it.
  app.footer(
      "Start with:\n  pmoe train --env HalfCheetah-v5\n`pmoe COMMAND --help` explains a command.");

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
  if (const std::optional<int> code = ParseCommandLine(&app, argc, argv)) return *code;
  return own.Run();
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) { return pmoe::Main(argc, argv); }
