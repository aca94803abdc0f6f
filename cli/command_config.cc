// `pmoe config`: the configuration that a training with the same flags would have.
#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "cli/command_exec.h"
#include "cli/commands.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/config_flags.h"
#include "common/config/run_config.h"
#include "replay/load/demos.h"

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

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class ConfigCommand final : public Command {
 public:
  // Adds `config` with `print` and `check`.
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const config = app->add_subcommand("config", "Print, explain or check settings");
    config->require_subcommand(1);
    print_ = config->add_subcommand("print", "Print every setting as `pmoe train` would use it");
    print_->add_flag("--explain", explain_, "Print what each setting means, its default and range");
    print_flags_.AddTo(print_);
    print_->footer(
        "Examples:\n"
        "  pmoe config print --env Hopper-v5 --preset official > hopper.textproto\n"
        "  pmoe config print --explain\n"
        "  pmoe train --config hopper.textproto");
    check_ = config->add_subcommand("check", "Check settings and the task without training");
    check_flags_.AddTo(check_);
    check_->footer("Example:\n  pmoe config check --config hopper.textproto --set actor.envs=4");
    return config;
  }

  // After parsing. `check` ends in pmoe-actor, which knows the tasks, and then does not return.
  absl::StatusOr<int> Run() override {
    PMOE_RETURN_IF_ERROR(print_->parsed() ? Print() : Check());
    return 0;
  }

 private:
  absl::Status Print() const {
    if (explain_) return WriteOut(ExplainConfig());
    PMOE_ASSIGN_OR_RETURN(const RunConfig config, Resolve(print_flags_));
    return WriteOut(PrintConfig(config));
  }

  absl::Status Check() const {
    PMOE_ASSIGN_OR_RETURN(const RunConfig config, Resolve(check_flags_));
    for (const std::string& warning : ConfigWarnings(config)) {
      Log(LogLevel::kInfo, warning);
    }
    PMOE_RETURN_IF_ERROR(CheckDemos(config, std::nullopt));
    PMOE_RETURN_IF_ERROR(WriteOut("settings: valid\n"));
    std::vector<std::string> args = {"check-env"};
    const std::vector<std::string> env = EnvWords(config.env());
    args.insert(args.end(), env.begin(), env.end());
    return ExecBinary("pmoe-actor", args);
  }

  CLI::App* print_ = nullptr;
  CLI::App* check_ = nullptr;
  ConfigFlags print_flags_;
  ConfigFlags check_flags_;
  bool explain_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeConfigCommand() { return std::make_unique<ConfigCommand>(); }

}  // namespace pmoe
