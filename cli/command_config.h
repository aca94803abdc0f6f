// `pmoe config`: the configuration that a training with the same flags would have.
#pragma once

#include "absl/status/status.h"
#include "common/base/cli_fwd.h"
#include "common/config/config_flags.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class ConfigCommand {
 public:
  // Adds `config` with `print` and `check`.
  void AddTo(CLI::App* app);

  bool chosen() const;

  // After parsing. `check` ends in pmoe-actor, which knows the tasks, and then does not return.
  absl::Status Run() const;

 private:
  absl::Status Print() const;
  absl::Status Check() const;

  CLI::App* config_ = nullptr;
  CLI::App* print_ = nullptr;
  CLI::App* check_ = nullptr;
  ConfigFlags print_flags_;
  ConfigFlags check_flags_;
  bool explain_ = false;
};

}  // namespace pmoe
