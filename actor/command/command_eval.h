// `pmoe eval`, which plays episodes with a run's policy and prints their returns, and `pmoe
// export`. Objects are filled by the parser that AddTo was called on, which keeps pointers into
// them.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "actor/command/policy_flags.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

class EvalCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  // CancelledError when *interrupted.
  absl::Status Run(const std::atomic<bool>& interrupted) const;

 private:
  absl::StatusOr<std::vector<Episode>> Play(const LoadedRun& run, const EvaluatorOptions& options,
                                            const StepObserver& observer,
                                            const std::atomic<bool>& interrupted) const;

  CLI::App* command_ = nullptr;
  RunFlags run_;
  PolicyFlags policy_;
  int threads_ = 1;
  std::string trace_;
};

// `pmoe export`: the weights for other programs.
class ExportCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  absl::Status Run() const;

 private:
  CLI::App* command_ = nullptr;
  RunFlags run_;
  std::string out_;
};

}  // namespace pmoe
