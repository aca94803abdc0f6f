#include "cli/watch/learner_target.h"

#include <filesystem>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/up/up_security.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

}  // namespace

absl::StatusOr<std::string> NewestClusterRun() {
  std::string newest;
  fs::file_time_type written;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("runs", error)) {
    const fs::file_time_type time = fs::last_write_time(entry.path() / "learner.address", error);
    if (error || (!newest.empty() && time <= written)) continue;
    newest = entry.path().string();
    written = time;
  }
  if (!newest.empty()) return newest;
  return absl::NotFoundError("no cluster's run under runs/; name one with --run or --learner");
}

absl::StatusOr<LearnerTarget> TargetAt(absl::string_view address, absl::string_view flag,
                                       const SecurityFlags& flags) {
  LearnerTarget target;
  PMOE_ASSIGN_OR_RETURN(target.security, flags.Load(std::nullopt));
  PMOE_ASSIGN_OR_RETURN(target.address, target.security.ParseAddress(address, flag));
  return target;
}

absl::StatusOr<LearnerTarget> TargetOfRun(const std::string& run, SecurityFlags flags) {
  const absl::StatusOr<std::string> text = ReadFile(run + "/learner.address");
  if (!text.ok()) {
    return absl::NotFoundError(absl::StrCat("--run ", run,
                                            " has no learner.address: no cluster has trained "
                                            "there; pmoe dashboard ",
                                            run, " shows a run of pmoe train"));
  }
  if (flags.tls.empty() && !flags.insecure) flags = FlagsOfUp(run);
  return TargetAt(absl::StripAsciiWhitespace(*text), run + "/learner.address", flags);
}

}  // namespace pmoe
