#include "cli/certificates.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/tls/authority.h"
#include "common/tls/identity.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr int kDaysMax = 3650;
constexpr int kAuthorityDays = 3650;
constexpr char kDefaultCluster[] = "pmoe";
constexpr char kName[] = "1";  // every process of a role shares its certificate

// Readable by its owner only, from its first byte on.
absl::Status WritePrivate(const std::string& path, absl::string_view bytes) {
  const mode_t mask = ::umask(0077);
  const absl::Status status = WriteFileAtomic(path, bytes);
  ::umask(mask);
  return status;
}

// One that is there keeps its mode, but others may not write there: who can put a file into it can
// put a certificate authority of his own into it.
absl::Status MakePrivateFolder(const std::string& path) {
  const mode_t mask = ::umask(0077);
  const absl::Status status = MakeDirs(path);
  ::umask(mask);
  struct stat info {};
  if (!status.ok() || ::stat(path.c_str(), &info) != 0) return status;
  if ((info.st_mode & S_IWOTH) == 0) return status;
  return absl::FailedPreconditionError(
      absl::StrCat(path, " may be written by every user of this machine (mode 0",
                   absl::StrFormat("%o", info.st_mode & 0777),
                   "), who could put keys of their own there: chmod o-w ", path));
}

// What lies there and cannot be used.
absl::Status Damaged(const std::string& path, const absl::Status& status) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, " ", status.message(), "; put the right file back, or remove it to have a new one"));
}

bool EndsSoon(const Validity& validity, absl::Time now) {
  return validity.to - now < (validity.to - validity.from) / 3;
}

// "pmoe" of spiffe://pmoe; empty: not an authority of ours.
std::string ClusterOf(const CertificateInfo& authority) {
  const std::string scheme = ClusterUri("");
  return authority.uri.rfind(scheme, 0) == 0 ? authority.uri.substr(scheme.size()) : "";
}

class CertificateMaker {
 public:
  CertificateMaker(const CertificateOptions& options, absl::Time now)
      : options_(options), now_(now) {}

  absl::StatusOr<std::vector<CertificateReport>> Run() {
    PMOE_RETURN_IF_ERROR(MakePrivateFolder(options_.out));
    PMOE_RETURN_IF_ERROR(MakePrivateFolder(options_.out + "/ca"));
    PMOE_RETURN_IF_ERROR(InitAuthority());
    for (const PeerRole role : AllPeerRoles()) PMOE_RETURN_IF_ERROR(InitRole(role));
    return reports_;
  }

 private:
  using What = CertificateReport::What;

  absl::Status InitAuthority();
  absl::StatusOr<CertificateInfo> ReadAuthority() const;
  absl::Status MakeNewAuthority(const std::string& cluster, What what);
  absl::Status InitRole(PeerRole role);
  // Can it stay? What is damaged is an error.
  absl::StatusOr<bool> IsGood(const IdentityFiles& files, const PeerName& owner,
                              const std::string& key) const;
  // The key that lies there, or a new one.
  absl::StatusOr<std::string> KeyOf(const std::string& path) const;
  absl::Status Report(const std::string& folder, const std::string& certificate, What what);

  const CertificateOptions& options_;
  const absl::Time now_;
  std::string cluster_;
  std::string authority_;      // its certificate
  std::string authority_key_;  // empty: not here
  std::vector<CertificateReport> reports_;
};

absl::StatusOr<std::string> CertificateMaker::KeyOf(const std::string& path) const {
  if (!fs::exists(path)) {
    PMOE_ASSIGN_OR_RETURN(const std::string key, MakePrivateKey());
    PMOE_RETURN_IF_ERROR(WritePrivate(path, key));
    return key;
  }
  PMOE_RETURN_IF_ERROR(CheckKeyMode(path));
  PMOE_ASSIGN_OR_RETURN(const std::string key, ReadFile(path));
  const absl::Status status = CheckPrivateKey(key);
  if (!status.ok()) return Damaged(path, status);
  return key;
}

absl::Status CertificateMaker::Report(const std::string& folder, const std::string& certificate,
                                      What what) {
  PMOE_ASSIGN_OR_RETURN(const CertificateInfo info, ReadCertificate(certificate));
  reports_.push_back({folder, info.uri, what, info.validity});
  return absl::OkStatus();
}

absl::Status CertificateMaker::MakeNewAuthority(const std::string& cluster, What what) {
  const std::string folder = options_.out + "/ca";
  cluster_ = cluster;
  PMOE_ASSIGN_OR_RETURN(authority_key_, KeyOf(folder + "/key.pem"));
  PMOE_ASSIGN_OR_RETURN(authority_,
                        MakeAuthority(authority_key_, cluster,
                                      ValidityFrom(now_, std::max(kAuthorityDays, options_.days))));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(folder + "/ca.pem", authority_));
  return Report(folder, authority_, what);
}

absl::StatusOr<CertificateInfo> CertificateMaker::ReadAuthority() const {
  const std::string path = options_.out + "/ca/ca.pem";
  absl::StatusOr<CertificateInfo> info = ReadCertificate(authority_);
  if (!info.ok()) return Damaged(path, info.status());
  const std::string cluster = ClusterOf(*info);
  const absl::Status named = CheckClusterName(cluster);
  if (!named.ok()) {
    return Damaged(path, absl::InvalidArgumentError("is not an authority of pmoe certs init"));
  }
  if (options_.cluster.has_value() && *options_.cluster != cluster) {
    return absl::FailedPreconditionError(absl::StrCat("--cluster ", *options_.cluster, ", but ",
                                                      options_.out, " holds the certificates of ",
                                                      cluster, "; give another --out"));
  }
  return info;
}

absl::Status CertificateMaker::InitAuthority() {
  const std::string folder = options_.out + "/ca";
  if (!fs::exists(folder + "/ca.pem")) {
    return MakeNewAuthority(options_.cluster.value_or(kDefaultCluster), What::kMade);
  }
  PMOE_ASSIGN_OR_RETURN(authority_, ReadFile(folder + "/ca.pem"));
  PMOE_ASSIGN_OR_RETURN(const CertificateInfo info, ReadAuthority());
  cluster_ = ClusterOf(info);
  const bool has_key = fs::exists(folder + "/key.pem");
  if (has_key) {
    PMOE_RETURN_IF_ERROR(CheckKeyMode(folder + "/key.pem"));
    PMOE_ASSIGN_OR_RETURN(authority_key_, ReadFile(folder + "/key.pem"));
    const absl::Status status = CheckKeyBelongs(authority_, authority_key_);
    if (!status.ok()) return Damaged(folder + "/key.pem", status);
  }
  // With the same key, so that what it signed stays good.
  if (has_key && EndsSoon(info.validity, now_)) return MakeNewAuthority(cluster_, What::kRenewed);
  return Report(folder, authority_, What::kKept);
}

absl::StatusOr<bool> CertificateMaker::IsGood(const IdentityFiles& files, const PeerName& owner,
                                              const std::string& key) const {
  PMOE_ASSIGN_OR_RETURN(const std::string certificate, ReadFile(files.cert));
  const absl::StatusOr<CertificateInfo> info = ReadCertificate(certificate);
  if (!info.ok()) return Damaged(files.cert, info.status());
  return !options_.renew && info->uri == owner.Uri() && !EndsSoon(info->validity, now_) &&
         CheckKeyBelongs(certificate, key).ok() && CheckSignedBy(certificate, authority_).ok();
}

absl::Status CertificateMaker::InitRole(PeerRole role) {
  const PeerName owner = {cluster_, role, kName};
  const std::string folder = absl::StrCat(options_.out, "/", PeerRoleName(role));
  const IdentityFiles files(folder);
  PMOE_RETURN_IF_ERROR(MakePrivateFolder(folder));
  PMOE_ASSIGN_OR_RETURN(const std::string key, KeyOf(files.key));
  const absl::StatusOr<std::string> trusted = ReadFile(files.ca);
  if (!trusted.ok() || *trusted != authority_) {
    PMOE_RETURN_IF_ERROR(WriteFileAtomic(files.ca, authority_));
  }
  const bool exists = fs::exists(files.cert);
  if (exists) {
    PMOE_ASSIGN_OR_RETURN(const bool good, IsGood(files, owner, key));
    if (good) {
      PMOE_ASSIGN_OR_RETURN(const std::string certificate, ReadFile(files.cert));
      return Report(folder, certificate, What::kKept);
    }
  }
  if (authority_key_.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " needs a certificate, and ", options_.out,
                     "/ca/key.pem, which signs it, is not here; run this where it is"));
  }
  PMOE_ASSIGN_OR_RETURN(
      const std::string certificate,
      SignCertificate(authority_, authority_key_, key, owner, ValidityFrom(now_, options_.days)));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(files.cert, certificate));
  return Report(folder, certificate, exists ? What::kRenewed : What::kMade);
}

}  // namespace

absl::Status CertificateOptions::Validate() const {
  if (out.empty()) return absl::InvalidArgumentError("--out must name a folder");
  if (cluster.has_value()) PMOE_RETURN_IF_ERROR(CheckClusterName(*cluster));
  if (days >= 1 && days <= kDaysMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--days must be from 1 to ", kDaysMax, ", got ",
                                                 days, "; 365 is usual, 90 for more safety"));
}

absl::StatusOr<std::vector<CertificateReport>> InitCertificates(const CertificateOptions& options,
                                                                absl::Time now) {
  PMOE_RETURN_IF_ERROR(options.Validate());
  return CertificateMaker(options, now).Run();
}

}  // namespace pmoe
