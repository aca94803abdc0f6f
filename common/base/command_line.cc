#include "common/base/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/command.h"
#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/near_names.h"
#include "common/base/package.h"
#include "common/base/usage_text.h"

namespace pmoe {
namespace {

// The app that the words given belong to: the deepest subcommand chosen.
const CLI::App* ChosenCommand(const CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

// "pmoe config print".
std::string FullName(const CLI::App* command) {
  const CLI::App* parent = command->get_parent();
  return (parent == nullptr ? "" : FullName(parent) + " ") + command->get_name();
}

// Who speaks in the log: "train" of "pmoe train", "replay" of "pmoe-replay".
absl::string_view RoleOf(absl::string_view name) {
  if (absl::ConsumePrefix(&name, "pmoe") && !name.empty()) name.remove_prefix(1);
  return name.empty() ? "pmoe" : name;
}

ArgumentHelp unknown_argument_help = nullptr;

bool Has(const CLI::App* command, const std::string& flag) {
  return command->get_option_no_throw(flag) != nullptr;
}

// A word that stands alone: "pmoe train Hopper-v5", "pmoe eval runs/a", "pmoe play Hopper-v5-ppo".
std::string LooseWord(const CLI::App* command, const std::string& word) {
  std::error_code error;
  std::vector<absl::string_view> fitting = {"--env"};
  if (std::filesystem::is_directory(word, error)) {
    fitting = {"--run", "--resume"};
  } else if (std::filesystem::is_directory(absl::StrCat(ZooFolder(), "/", word), error)) {
    fitting.insert(fitting.begin(), "--zoo");
  }
  for (const absl::string_view flag : fitting) {
    if (Has(command, std::string(flag))) {
      return absl::StrCat("what is ", word, " for? Did you mean ", flag, " ", word, "?");
    }
  }
  return absl::StrCat("unknown argument ", word);
}

// "unknown argument --sed; did you mean --seed?"
std::string UnknownArgument(const CLI::App* command, const std::string& argument) {
  const bool is_flag = absl::StartsWith(argument, "-");
  if (!is_flag && command->get_subcommands({}).empty()) return LooseWord(command, argument);
  std::vector<std::string> known;
  for (const CLI::Option* option : command->get_options()) {
    if (!option->get_name().empty()) known.push_back(option->get_name());
  }
  for (const CLI::App* child : command->get_subcommands({})) known.push_back(child->get_name());
  const std::string word = argument.substr(0, argument.find('='));
  const std::vector<std::string> near = NearNames(word, known);
  std::string text = "unknown argument " + word;
  const bool may_set = is_flag && unknown_argument_help != nullptr && Has(command, "--set");
  std::string help = may_set ? unknown_argument_help(word) : "";
  if (help.empty() && !near.empty()) help = "; did you mean " + near.front() + "?";
  return text + help;
}

std::string UsageError(const CLI::App* command, const CLI::ParseError& error) {
  const std::vector<std::string> extras = command->remaining();
  if (!extras.empty()) return UnknownArgument(command, extras.front());
  const std::vector<const CLI::App*> children = command->get_subcommands({});
  // pmoe-replay serves without one of its commands.
  const bool needs_command = !children.empty() && command->get_require_subcommand_min() > 0;
  if (!needs_command) return UsageText(error.what());
  std::string text = FullName(command) + " needs a command:";
  for (const CLI::App* child : children) text += " " + child->get_name();
  return text;
}

// A process may be started with a standard descriptor closed. The next file opened would get its
// number, and what we print would be written into it.
void OpenMissingDescriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDWR);  // the lowest free one, which is fd
  }
}

}  // namespace

void HelpWithUnknownArguments(ArgumentHelp help) { unknown_argument_help = help; }

std::optional<int> ParseCommandLine(CLI::App* app, int argc, const char* const* argv) {
  OpenMissingDescriptors();
  try {
    app->parse(argc, argv);
    Logger::OfProcess().SetRole(RoleOf(FullName(ChosenCommand(app))));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    std::fputs(app->help().c_str(), stdout);
    return 0;
  } catch (const CLI::CallForVersion& version) {
    std::printf("%s\n", version.what());
    return 0;
  } catch (const CLI::ParseError& error) {
    const CLI::App* command = ChosenCommand(app);
    return ReportError(absl::InvalidArgumentError(UsageError(command, error) + " (see " +
                                                  FullName(command) + " --help)"));
  }
}

CommandSet::CommandSet(CLI::App* app, std::vector<std::unique_ptr<Command>> commands)
    : app_(app), commands_(std::move(commands)) {
  app_->require_subcommand(1);
  for (const std::unique_ptr<Command>& command : commands_) parts_.push_back(command->AddTo(app_));
}

int CommandSet::Run(int argc, const char* const* argv) {
  if (const std::optional<int> code = ParseCommandLine(app_, argc, argv)) return *code;
  for (size_t i = 0; i < commands_.size(); ++i) {
    if (!parts_[i]->parsed()) continue;
    const absl::StatusOr<int> code = commands_[i]->Run();
    return code.ok() ? *code : ReportError(code.status());
  }
  return 2;  // one is required
}

}  // namespace pmoe
