#include "common/config/run_config_file.h"

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/seed_folder.h"

namespace pmoe {
namespace {

constexpr absl::string_view kLastLine = "# crc32c of all above: ";
constexpr size_t kDigits = 8;

std::string LastLine(absl::string_view text) {
  return absl::StrCat(kLastLine, absl::Hex(Crc32c(text), absl::kZeroPad8), "\n");
}

// Files of before this line was written have none.
absl::Status CheckCrc(const std::string& file, absl::string_view text) {
  const size_t line = kLastLine.size() + kDigits + 1;
  const size_t at = text.rfind(kLastLine);
  if (at == text.npos) return absl::OkStatus();
  if (text.size() == at + line && text.substr(at) == LastLine(text.substr(0, at))) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(file,
                   " is not as the run wrote it; put it back as it was (settings are changed "
                   "by --set), or remove its last line to have it taken as it is"));
}

// A run writes every group of settings; the file's end is missing where one is.
absl::Status CheckWhole(const std::string& file, const RunConfig& config) {
  if (config.has_env() && config.has_observe()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(file, " is cut off: it has no ",
                                                    config.has_env() ? "observe" : "env",
                                                    " { … }; put it back as it was"));
}

}  // namespace

std::string RunConfigText(const RunConfig& config) {
  const std::string text = PrintConfig(config);
  return text + LastLine(text);
}

absl::StatusOr<RunConfig> ReadRunConfig(const std::string& run, absl::string_view flag) {
  const std::string file = run + "/config.textproto";
  const absl::StatusOr<std::string> text = ReadFile(file);
  if (absl::IsNotFound(text.status())) return NoRunIn(run, flag);
  if (!text.ok()) return absl::FailedPreconditionError(text.status().message());
  PMOE_RETURN_IF_ERROR(CheckCrc(file, *text));
  absl::StatusOr<RunConfig> config = ParseConfigText(*text, file);
  if (!config.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(config.status().message(), "; the file is damaged: put it back as it was"));
  }
  PMOE_RETURN_IF_ERROR(CheckWhole(file, *config));
  return config;
}

absl::StatusOr<RunConfig> ReadValidRunConfig(const std::string& run, absl::string_view flag) {
  PMOE_ASSIGN_OR_RETURN(RunConfig config, ReadRunConfig(run, flag));
  const absl::Status valid = ValidateConfig(config);
  if (valid.ok()) return config;
  return absl::FailedPreconditionError(
      absl::StrCat(run, "/config.textproto: ", valid.message(),
                   "; the file is damaged or of another version of pmoe: put it back as it was"));
}

}  // namespace pmoe
