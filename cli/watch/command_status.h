// `pmoe status` and `pmoe health`: asks a running cluster how it fares.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/cli_fwd.h"
#include "common/rpc/security_flags.h"

namespace pmoe {

class StatusCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  // Prints to stdout. The exit code: 0; 2 for a bad flag or no run; 3 where nobody answers.
  int Run() const;

 private:
  CLI::App* status_ = nullptr;
  std::string run_;
  std::string learner_;
  bool json_ = false;
  bool watch_ = false;
  SecurityFlags security_;
};

class HealthCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  // 0: serving; 2: bad flag; 3: nobody answers; 4: there, but not serving.
  int Run() const;

 private:
  CLI::App* health_ = nullptr;
  std::string address_;
  double timeout_s_ = 2.0;
  SecurityFlags security_;
};

}  // namespace pmoe
