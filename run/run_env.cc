#include "run/run_env.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "control/wire/env_folder.h"
#include "control/wire/env_identity.h"

namespace pmoe {

absl::Status CheckRunEnv(const RunDirectory& directory, const EnvSpecMessage& now, bool allowed) {
  PMOE_ASSIGN_OR_RETURN(const std::optional<EnvSpecMessage> kept, KeptEnv(directory.path()));
  if (kept.has_value()) return CheckSameEnv(directory.path(), *kept, now, allowed);
  Log(LogLevel::kInfo, directory.path(),
      " does not say what task it was made with, as runs of before do not; from now on it is this "
      "one");
  return absl::OkStatus();
}

absl::Status KeepRunEnv(const RunDirectory& directory, const EnvSpecMessage& now) {
  PMOE_ASSIGN_OR_RETURN(const std::optional<EnvSpecMessage> kept, KeptEnv(directory.path()));
  if (kept.has_value()) {
    const std::vector<std::string> differences = EnvDifferences(*kept, now);
    if (!differences.empty()) {
      const std::string text = absl::StrCat("goes on with another task (--allow-other-env): ",
                                            ListDifferences(differences));
      Log(LogLevel::kWarning, "the run ", text);
      PMOE_RETURN_IF_ERROR(directory.Note(text));
    }
  }
  if (TotalBytes(now) > kKeptBytesMax) {
    Log(LogLevel::kInfo, "the model's files are more than ", kKeptBytesMax >> 20,
        " MiB: the run keeps their digests only");
  }
  return KeepEnvSpec(directory.path(), now);
}

}  // namespace pmoe
