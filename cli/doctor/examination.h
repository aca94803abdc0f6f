// All parts of pmoe, looked at on this machine, and those that were asked for tried.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/doctor/machine.h"
#include "cli/doctor/part.h"

namespace pmoe {

struct ExaminationOptions {
  std::vector<std::string> asked;  // names of parts, or "all"; empty: train
  bool trials = true;              // false: looks only
};

struct Examination {
  Machine machine;
  std::vector<Part> parts;

  // Everything that was asked for works.
  bool ok() const;
};

// "train", "up", "play", "dashboard", "cuda", "containers".
std::vector<std::string> PartNames();

// Trials write below a folder of their own in $TMPDIR, which is gone afterwards.
// InvalidArgumentError: no part is called so.
absl::StatusOr<Examination> Examine(const ExaminationOptions& options,
                                    const std::atomic<bool>& interrupted);

}  // namespace pmoe
