// `pmoe eval`: plays episodes with a run's policy and prints their returns.
#pragma once

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "actor/command/policy_flags.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class EvalCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const { return command_->parsed(); }
  absl::Status Run() const;

 private:
  absl::StatusOr<std::vector<Episode>> Play(const LoadedRun& run, const EvaluatorOptions& options,
                                            const StepObserver& observer) const;

  CLI::App* command_ = nullptr;
  RunFlags run_;
  PolicyFlags policy_;
  int threads_ = 1;
  std::string trace_;
};

}  // namespace pmoe
