// A command of a binary, as `eval` of pmoe-actor: its flags and what it does.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

class Command {
 public:
  virtual ~Command() = default;

  // Adds the command to a parser, which fills this object; returns its own part of the parser.
  virtual CLI::App* AddTo(CLI::App* app) = 0;
  // If the command was typed. The exit code; an error is printed and has its own.
  virtual absl::StatusOr<int> Run() = 0;
};

// The commands of one binary. Thread-compatible.
class CommandSet {
 public:
  CommandSet(CLI::App* app, std::vector<std::unique_ptr<Command>> commands);

  // Parses as ParseCommandLine does and runs the one that was typed. Returns the exit code.
  int Run(int argc, const char* const* argv);

 private:
  CLI::App* const app_;
  const std::vector<std::unique_ptr<Command>> commands_;
  std::vector<CLI::App*> parts_;  // of the parser, one of each
};

}  // namespace pmoe
