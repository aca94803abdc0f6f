#include "cli/command_config.h"

#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/command_exec.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"

namespace pmoe {
namespace {

absl::StatusOr<RunConfig> Resolve(const ConfigFlags& flags) {
  PMOE_ASSIGN_OR_RETURN(const ConfigSources sources, flags.Sources());
  return ResolveConfig(sources);
}

// A full pipe or disk shows up when the last bytes are written.
absl::Status WriteOut(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return absl::OkStatus();
  return absl::UnavailableError("cannot write to standard output");
}

}  // namespace

void ConfigCommand::AddTo(CLI::App* app) {
  config_ = app->add_subcommand("config", "Print, explain or check settings");
  config_->require_subcommand(1);
  print_ = config_->add_subcommand("print", "Print every setting as `pmoe train` would use it");
  print_->add_flag("--explain", explain_, "Print what each setting means, its default and range");
  print_flags_.AddTo(print_);
  print_->footer(
      "Examples:\n"
      "  pmoe config print --env Hopper-v5 --preset official > hopper.textproto\n"
      "  pmoe config print --explain\n"
      "  pmoe train --config hopper.textproto");
  check_ = config_->add_subcommand("check", "Check settings and the task without training");
  check_flags_.AddTo(check_);
  check_->footer("Example:\n  pmoe config check --config hopper.textproto --set actor.envs=4");
}

bool ConfigCommand::chosen() const { return config_->parsed(); }

absl::Status ConfigCommand::Run() const { return print_->parsed() ? Print() : Check(); }

absl::Status ConfigCommand::Print() const {
  if (explain_) return WriteOut(ExplainConfig());
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, Resolve(print_flags_));
  return WriteOut(PrintConfig(config));
}

absl::Status ConfigCommand::Check() const {
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, Resolve(check_flags_));
  for (const std::string& warning : ConfigWarnings(config)) {
    Log(LogLevel::kInfo, warning);
  }
  PMOE_RETURN_IF_ERROR(WriteOut("settings: valid\n"));
  std::vector<std::string> args = {"check-env"};
  const std::vector<std::string> env = EnvWords(config.env());
  args.insert(args.end(), env.begin(), env.end());
  return ExecBinary("pmoe-actor", args);
}

}  // namespace pmoe
