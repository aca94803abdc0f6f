#include "cli/up/up_security.h"

#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cli/certificates.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr char kFile[] = "/up.security";

}  // namespace

std::vector<std::string> SecurityWords(const std::string& folder, PeerRole role) {
  if (folder.empty()) return {"--insecure"};
  return {"--tls", absl::StrCat(folder, "/", PeerRoleName(role))};
}

absl::Status PrepareUpSecurity(const std::string& directory, const std::string& folder) {
  if (folder.empty()) return WriteFileAtomic(directory + kFile, "insecure\n");
  CertificateOptions options;
  options.out = folder;
  PMOE_RETURN_IF_ERROR(InitCertificates(options, absl::Now()).status());
  // Nothing is signed any more in this life, so that nobody can find the key.
  std::filesystem::remove_all(folder + "/ca");
  return WriteFileAtomic(directory + kFile, absl::StrCat("tls ", folder, "/admin\n"));
}

void ForgetUpSecurity(const std::string& directory) {
  std::error_code ignored;
  std::filesystem::remove(directory + kFile, ignored);
}

SecurityFlags FlagsOfUp(const std::string& directory) {
  SecurityFlags flags;
  const absl::StatusOr<std::string> text = ReadFile(directory + kFile);
  if (!text.ok()) return flags;
  absl::string_view line = absl::StripAsciiWhitespace(*text);
  flags.insecure = line == "insecure";
  if (absl::ConsumePrefix(&line, "tls ")) flags.tls = std::string(line);
  return flags;
}

}  // namespace pmoe
