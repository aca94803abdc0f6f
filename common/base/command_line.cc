#include "common/base/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/strip.h"
#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/near_names.h"

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

// "unknown argument --sed; did you mean --seed?"
std::string UnknownArgument(const CLI::App* command, const std::string& argument) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command->get_options()) known.push_back(option->get_name());
  for (const CLI::App* child : command->get_subcommands({})) known.push_back(child->get_name());
  const std::string word = argument.substr(0, argument.find('='));
  const std::vector<std::string> near = NearNames(word, known);
  return "unknown argument " + word + (near.empty() ? "" : "; did you mean " + near.front() + "?");
}

std::string UsageError(const CLI::App* command, const CLI::ParseError& error) {
  const std::vector<std::string> extras = command->remaining();
  if (!extras.empty()) return UnknownArgument(command, extras.front());
  const std::vector<const CLI::App*> children = command->get_subcommands({});
  if (children.empty()) return error.what();
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

}  // namespace pmoe
