#include "common/tls/identity.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// Whatever went wrong, the user can mend it.
absl::Status About(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::FailedPreconditionError(absl::StrCat(path, " ", status.message()));
}

absl::StatusOr<std::string> Read(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (text.ok()) return text;
  return absl::FailedPreconditionError(
      absl::StrCat(text.status().message(),
                   "; --tls wants a folder with ca.pem, cert.pem and "
                   "key.pem that this user can read: make one with `pmoe certs init`"));
}

}  // namespace

absl::Status CheckKeyMode(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return absl::OkStatus();  // whoever reads it says why
  // Kubernetes gives a secret to a group of the pod's own; nobody else may read it.
  constexpr mode_t kOthers = S_IRWXO | S_IWGRP;
  if ((info.st_mode & kOthers) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is a private key that other users may read or replace (mode 0",
                   absl::StrFormat("%o", info.st_mode & 0777), "): chmod 600 ", path,
                   ", and make a new one by `pmoe certs init` if others were on this machine"));
}

absl::StatusOr<Identity> ReadIdentity(const std::string& dir, absl::Time now) {
  const IdentityFiles files(dir);
  PMOE_ASSIGN_OR_RETURN(const std::string ca, Read(files.ca));
  PMOE_ASSIGN_OR_RETURN(const std::string cert, Read(files.cert));
  PMOE_ASSIGN_OR_RETURN(const std::string key, Read(files.key));
  PMOE_RETURN_IF_ERROR(CheckKeyMode(files.key));
  const absl::StatusOr<CertificateInfo> authority = ReadCertificate(ca);
  PMOE_RETURN_IF_ERROR(About(files.ca, authority.status()));
  const absl::StatusOr<CertificateInfo> certificate = ReadCertificate(cert);
  PMOE_RETURN_IF_ERROR(About(files.cert, certificate.status()));
  PMOE_RETURN_IF_ERROR(About(files.key, CheckKeyBelongs(cert, key)));
  PMOE_RETURN_IF_ERROR(About(files.cert, CheckSignedBy(cert, ca)));
  PMOE_RETURN_IF_ERROR(About(files.ca, CheckValidNow(*authority, now)));
  PMOE_RETURN_IF_ERROR(About(files.cert, CheckValidNow(*certificate, now)));
  const absl::StatusOr<PeerName> name = ParsePeerName(certificate->uri);
  PMOE_RETURN_IF_ERROR(About(files.cert, name.status()));
  return Identity{*name, *certificate};
}

}  // namespace pmoe
