// `pmoe play`: a run's policy at work, as a video or as pictures.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "actor/command/drawing.h"
#include "actor/command/policy_flags.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class PlayCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  // Ends the file in order when `interrupted`. Returns the exit code.
  int Run(const std::atomic<bool>& interrupted) const;

 private:
  absl::StatusOr<int> Play(const std::atomic<bool>& interrupted) const;

  CLI::App* play_ = nullptr;
  RunFlags run_;
  PolicyFlags policy_;
  DrawingOptions drawing_;
  std::string video_;
  std::string png_;
  int frames_max_ = 0;  // 0: all
};

}  // namespace pmoe
