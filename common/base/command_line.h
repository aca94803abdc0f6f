// Parses a command line for every binary alike: --help on stdout with exit code 0; a usage error as
// one line that names the fix, exit code 2.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/exit_code.h"
#include "common/base/near_names.h"

namespace pmoe {

// The app that the words given belong to: the deepest subcommand chosen.
inline const CLI::App* ChosenCommand(const CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

// "; did you mean --steps?" for the first word that is no option or command of the app.
inline std::string SuggestWord(const CLI::App* app) {
  const std::vector<std::string> extras = app->remaining(/*recurse=*/true);
  if (extras.empty()) return "";
  std::vector<std::string> known;
  for (const CLI::Option* option : app->get_options()) known.push_back(option->get_name());
  for (const CLI::App* command : app->get_subcommands({})) known.push_back(command->get_name());
  const std::string word = extras.front().substr(0, extras.front().find('='));
  const std::vector<std::string> near = NearNames(word, known);
  return near.empty() ? "" : "; did you mean " + near.front() + "?";
}

// The exit code if the process should end here, nullopt to go on.
inline std::optional<int> ParseCommandLine(CLI::App* app, int argc, const char* const* argv) {
  try {
    app->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    std::fputs(app->help().c_str(), stdout);
    return 0;
  } catch (const CLI::CallForVersion& version) {
    std::printf("%s\n", version.what());
    return 0;
  } catch (const CLI::ParseError& error) {
    const CLI::App* command = ChosenCommand(app);
    return ReportError(absl::InvalidArgumentError(std::string(error.what()) + SuggestWord(command) +
                                                  " (see " + command->get_name() + " --help)"));
  }
}

}  // namespace pmoe
