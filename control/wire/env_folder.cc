#include "control/wire/env_folder.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/text_message.h"
#include "control/wire/env_identity.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

std::string IdentityFile(const std::string& run) {
  return absl::StrCat(run, "/env/identity.textproto");
}
std::string FilesFolder(const std::string& run) { return absl::StrCat(run, "/env/files"); }

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot rename ", from, ": ", error.message()));
}

// Gives the folder a name that was not used yet.
absl::Status PutAside(const std::string& run) {
  int number = 1;
  while (fs::exists(absl::StrCat(run, "/env.", number))) ++number;
  return Rename(run + "/env", absl::StrCat(run, "/env.", number));
}

}  // namespace

uint64_t TotalBytes(const EnvSpecMessage& env) {
  uint64_t total = 0;
  for (const EnvFileInfo& file : env.files()) {
    if (file.bytes() > kKeptBytesMax) return file.bytes();
    total += file.bytes();
  }
  return total;
}

absl::StatusOr<std::optional<EnvSpecMessage>> KeptEnv(const std::string& run) {
  const std::string file = IdentityFile(run);
  if (!fs::exists(file)) return std::nullopt;
  PMOE_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  EnvSpecMessage env;
  absl::Status status = ParseTextMessage(text, file, &env);
  if (status.ok()) status = CheckEnvSpec(env);
  if (status.ok()) return env;
  return absl::FailedPreconditionError(absl::StrCat(
      std::string(status.message()), "; without this file the task counts as unknown: move ", run,
      "/env away to go on so"));
}

absl::Status KeepEnvSpec(const std::string& run, const EnvSpecMessage& env) {
  const absl::StatusOr<std::optional<EnvSpecMessage>> kept = KeptEnv(run);
  const bool other = !kept.ok() || (kept->has_value() && !EnvDifferences(**kept, env).empty());
  if (other) PMOE_RETURN_IF_ERROR(PutAside(run));
  // What was kept first stays: its files lie there under those names.
  if (!other && kept->has_value()) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(MakeDirs(run + "/env"));
  std::string text;
  google::protobuf::TextFormat::PrintToString(env, &text);
  return WriteFileAtomic(IdentityFile(run), text);
}

absl::Status KeepEnvFiles(const std::string& run, const EnvRecord& record) {
  if (HasEnvFiles(run) || TotalBytes(record.spec) > kKeptBytesMax) return absl::OkStatus();
  PMOE_ASSIGN_OR_RETURN(const std::optional<EnvSpecMessage> kept, KeptEnv(run));
  // Other files of the same meaning would not be found by the names that stand there.
  if (!kept.has_value() || !HaveSameFiles(*kept, record.spec)) return absl::OkStatus();
  const std::string folder = FilesFolder(run), partial = folder + ".partial";
  std::error_code ignored;
  fs::remove_all(partial, ignored);
  PMOE_RETURN_IF_ERROR(MakeDirs(partial));
  for (size_t i = 0; i < record.files.size(); ++i) {
    const std::string path =
        absl::StrCat(partial, "/", record.spec.files(static_cast<int>(i)).name());
    PMOE_RETURN_IF_ERROR(MakeDirs(fs::path(path).parent_path().string()));
    PMOE_RETURN_IF_ERROR(WriteFileAtomic(path, record.files[i]));
  }
  return Rename(partial, folder);
}

absl::Status KeepEnv(const std::string& run, const EnvRecord& record) {
  PMOE_RETURN_IF_ERROR(KeepEnvSpec(run, record.spec));
  return KeepEnvFiles(run, record);
}

bool HaveSameFiles(const EnvSpecMessage& a, const EnvSpecMessage& b) {
  return std::equal(a.files().begin(), a.files().end(), b.files().begin(), b.files().end(),
                    [](const EnvFileInfo& x, const EnvFileInfo& y) {
                      return x.name() == y.name() && x.sha256() == y.sha256();
                    });
}

bool HasEnvFiles(const std::string& run) { return fs::exists(FilesFolder(run)); }

std::string KeptFile(const std::string& run, const EnvSpecMessage& env, int index) {
  return fs::absolute(absl::StrCat(FilesFolder(run), "/", env.files(index).name())).string();
}

}  // namespace pmoe
