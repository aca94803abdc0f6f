// `pmoe play`: a run's policy at work, as a video or as pictures.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "actor/command/policy_flags.h"
#include "actor/render/renderer.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class PlayCommand {
 public:
  void AddTo(CLI::App* app);
  // Ends the file in order when `interrupted`.
  absl::Status Run(const std::atomic<bool>& interrupted) const;

 private:
  RunFlags run_;
  PolicyFlags policy_;
  RenderOptions render_;
  std::string video_;
  std::string png_;
  int frames_max_ = 0;  // 0: all
};

}  // namespace pmoe
