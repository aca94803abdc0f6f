#include "cli/certificates.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

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
constexpr int kMembersMax = int{kPeerSeatMax} + 1;
constexpr char kDefaultCluster[] = "pmoe";
constexpr char kName[] = "1";  // every process of a role may share its certificate

// A folder of `out` and whom its certificate is for.
struct Owner {
  std::string folder;
  PeerRole role = PeerRole::kActor;
  std::string name = kName;
};

std::vector<Owner> RoleOwners() {
  std::vector<Owner> owners;
  for (const PeerRole role : AllPeerRoles()) owners.push_back({PeerRoleName(role), role});
  return owners;
}

// Up to that many actors and replay shards, and the evaluator.
std::vector<Owner> MemberOwners(uint32_t actors, uint32_t replays) {
  std::vector<Owner> owners;
  const auto add = [&](PeerRole role, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      const PeerSeat seat = {.index = i};
      owners.push_back({absl::StrCat(PeerRoleName(role), "-", i), role, seat.Name()});
    }
  };
  add(PeerRole::kActor, actors);
  if (actors > 0)
    owners.push_back({"evaluator", PeerRole::kActor, PeerSeat{.evaluator = true}.Name()});
  add(PeerRole::kReplay, replays);
  return owners;
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

// Members that have a key of their own there.
std::vector<Owner> KeptMembers(const std::string& dir) {
  std::vector<Owner> owners = MemberOwners(kMembersMax, kMembersMax);
  std::erase_if(owners, [&](const Owner& owner) {
    return !fs::exists(absl::StrCat(dir, "/", owner.folder, "/key.pem"));
  });
  return owners;
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
    for (const Owner& owner : RoleOwners()) PMOE_RETURN_IF_ERROR(InitFolder(owner));
    for (const Owner& owner : Members()) PMOE_RETURN_IF_ERROR(InitFolder(owner));
    return reports_;
  }

 private:
  using What = CertificateReport::What;

  absl::Status InitAuthority();
  absl::StatusOr<CertificateInfo> ReadAuthority() const;
  absl::Status MakeNewAuthority(const std::string& cluster, What what);
  // Those that are asked for and those that are there.
  std::vector<Owner> Members() const;
  absl::Status InitFolder(const Owner& whose);
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
    PMOE_RETURN_IF_ERROR(WriteFileAtomic(path, key, FileReaders::kPrivate));
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

std::vector<Owner> CertificateMaker::Members() const {
  std::vector<Owner> owners =
      MemberOwners(static_cast<uint32_t>(options_.actors), static_cast<uint32_t>(options_.replays));
  for (Owner& owner : KeptMembers(options_.out)) {
    const bool asked = std::any_of(owners.begin(), owners.end(), [&](const Owner& other) {
      return other.folder == owner.folder;
    });
    if (!asked) owners.push_back(std::move(owner));
  }
  return owners;
}

absl::Status CertificateMaker::InitFolder(const Owner& whose) {
  const PeerName owner = {cluster_, whose.role, whose.name};
  const std::string folder = absl::StrCat(options_.out, "/", whose.folder);
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

absl::Status CheckMembers(absl::string_view flag, int count) {
  if (count >= 0 && count <= kMembersMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " must be from 0 to ", kMembersMax, ", got ", count,
                   "; as many as the run has: each gets a certificate that is good for it alone"));
}

}  // namespace

absl::Status CertificateOptions::Validate() const {
  if (out.empty()) return absl::InvalidArgumentError("--out must name a folder");
  if (cluster.has_value()) PMOE_RETURN_IF_ERROR(CheckClusterName(*cluster));
  if (days < 1 || days > kDaysMax) {
    return absl::InvalidArgumentError(absl::StrCat("--days must be from 1 to ", kDaysMax, ", got ",
                                                   days, "; 365 is usual, 90 for more safety"));
  }
  PMOE_RETURN_IF_ERROR(CheckMembers("--actors", actors));
  return CheckMembers("--replays", replays);
}

std::vector<std::string> CertificateFolders(const std::string& dir) {
  std::vector<std::string> folders;
  for (const Owner& owner : RoleOwners()) {
    const std::string folder = absl::StrCat(dir, "/", owner.folder);
    if (fs::is_directory(folder)) folders.push_back(folder);
  }
  for (const Owner& owner : KeptMembers(dir)) {
    folders.push_back(absl::StrCat(dir, "/", owner.folder));
  }
  return folders;
}

absl::StatusOr<std::vector<CertificateReport>> InitCertificates(const CertificateOptions& options,
                                                                absl::Time now) {
  PMOE_RETURN_IF_ERROR(options.Validate());
  return CertificateMaker(options, now).Run();
}

}  // namespace pmoe
