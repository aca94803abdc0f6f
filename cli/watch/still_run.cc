#include "cli/watch/still_run.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file_lock.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/run_config_file.h"
#include "nlohmann/json.hpp"
#include "run/run_directory.h"
#include "run/run_start.h"
#include "run/seed_run.h"

namespace pmoe {

absl::StatusOr<std::string> StillRunText(const std::string& directory, bool json) {
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ReadRunConfig(directory, "--run"));
  const LastMetrics metrics = ReadLastMetrics(directory);
  const absl::StatusOr<uint64_t> checkpoint = NewestCheckpointIn(directory);
  const int64_t at = std::max(metrics.env_steps, static_cast<int64_t>(checkpoint.value_or(0)));
  const int64_t total = TotalSteps(config);
  const int process = FileLock::Holder(directory + "/lock");
  const bool finished = checkpoint.ok() && static_cast<int64_t>(*checkpoint) >= total;
  const char* const state = process != 0 ? "training" : finished ? "finished" : "stopped";
  if (json) {
    nlohmann::ordered_json object = {{"state", state},
                                     {"directory", directory},
                                     {"env_steps", at},
                                     {"total_steps", total},
                                     {"process", process}};
    object["checkpoint"] = checkpoint.ok() ? nlohmann::json(*checkpoint) : nlohmann::json();
    object["eval_return"] =
        metrics.eval_return.has_value() ? nlohmann::json(*metrics.eval_return) : nlohmann::json();
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  std::string text =
      absl::StrCat(RunLabel(config), ": ", state, " at ", at, " of ", total, " env steps");
  if (metrics.eval_return.has_value()) {
    absl::StrAppendFormat(&text, ", last return %.1f", *metrics.eval_return);
  }
  const std::string word = ShellWord(directory);
  const bool cluster = std::filesystem::exists(directory + "/learner.address");
  if (process != 0) {
    absl::StrAppend(&text, "\nby process ", process, "; watch it with: ", UserCommand(),
                    " dashboard ", word);
  } else if (finished) {
    absl::StrAppend(&text, "\nlook at it with: ", UserCommand(), " eval --run ", word);
  } else if (checkpoint.ok()) {
    absl::StrAppend(&text, "\ngo on from its checkpoint at ", *checkpoint, " with: ", UserCommand(),
                    " ", cluster ? "up" : "train", " --resume ", word);
  } else {
    absl::StrAppend(&text, "\nit has no checkpoint to go on from; start it anew");
  }
  return text + "\n";
}

}  // namespace pmoe
