// `pmoe sweep`: one training per point of a grid over configuration fields, here or by another
// machine's scheduler; docs/sweeps.md.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/sweep/sweep_progress.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class SweepCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  // The exit code: 0: all chosen runs have finished; 1: some failed; 2: bad file or flag; 3:
  // stopped before the end, the same command goes on.
  int Run() const;

 private:
  absl::StatusOr<int> Dispatch() const;
  absl::StatusOr<int> Train(const SweepPlan& plan) const;
  absl::StatusOr<std::vector<int>> Chosen(const SweepPlan& plan) const;
  absl::Status Export(const SweepPlan& plan) const;
  bool one_run() const { return index_ >= 0; }

  CLI::App* sweep_ = nullptr;
  std::string file_;
  int jobs_ = 0;  // 0: as many as there are cores
  int index_ = -1;
  bool retry_ = false;
  bool dry_run_ = false;
  bool collect_ = false;
  bool slurm_ = false;
  bool kubernetes_ = false;
  std::string image_ = "pmoe-train";
};

}  // namespace pmoe
