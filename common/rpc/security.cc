#include "common/rpc/security.h"

#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/callers.h"
#include "common/rpc/refusals.h"
#include "common/rpc/rpc_status.h"
#include "grpcpp/security/auth_metadata_processor.h"
#include "grpcpp/security/tls_certificate_verifier.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace pmoe {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;
using grpc::experimental::TlsChannelCredentialsOptions;
using grpc::experimental::TlsServerCredentialsOptions;

constexpr unsigned kReadEvery_s = 1;

// The server's check of every call before its handler: a certificate of this cluster, and a role
// that may call the method. What it refuses is added to Refusals. Called by gRPC's threads;
// thread-safe.
class CallerCheck : public grpc::AuthMetadataProcessor {
 public:
  explicit CallerCheck(std::string cluster) : cluster_(std::move(cluster)) {}

  // On the thread that received the call: there is nothing to wait for.
  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context,
                       OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) override {
    const auto at = metadata.find(":path");
    const std::string path =
        at == metadata.end() ? "" : std::string(at->second.data(), at->second.size());
    const std::optional<PeerName> peer = PeerOf(*context);
    const bool known = peer.has_value() && peer->cluster == cluster_;
    const absl::Status status =
        known ? CheckMayCall(peer->role, path)
              : absl::UnauthenticatedError(
                    absl::StrCat("the certificate names no role of the cluster ", cluster_));
    if (status.ok()) return grpc::Status::OK;
    Refusals::OfProcess().Add(known ? PeerRoleName(peer->role) : kUnverified,
                              absl::StrCat("a call of ", path, ": ", status.message()));
    return ToGrpc(status);
  }

 private:
  const std::string cluster_;
};

// The client's check of a server whose certificate TLS has found in order: of the same cluster, and
// of the role that is to be called there, if one is. Called by gRPC's threads; thread-safe.
class ServerCheck : public grpc::experimental::ExternalCertificateVerifier {
 public:
  ServerCheck(std::string cluster, std::optional<PeerRole> role)
      : cluster_(std::move(cluster)), role_(role) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/, grpc::Status* sync_status) override {
    const auto uris = request->uri_names();
    *sync_status =
        ToGrpc(uris.size() == 1 ? Check(std::string(uris[0].data(), uris[0].size()))
                                : absl::PermissionDeniedError("its certificate names no role"));
    return true;  // done, nothing is left for the callback
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  absl::Status Check(const std::string& uri) const {
    PMOE_ASSIGN_OR_RETURN(const PeerName name, ParsePeerName(uri));
    if (name.cluster != cluster_) {
      return absl::PermissionDeniedError(
          absl::StrCat("it belongs to the cluster ", name.cluster, ", this process to ", cluster_));
    }
    if (!role_.has_value() || name.role == *role_) return absl::OkStatus();
    return absl::PermissionDeniedError(
        absl::StrCat("its certificate is of role ", PeerRoleName(name.role), ", not ",
                     PeerRoleName(*role_), "; is the address right?"));
  }

  const std::string cluster_;
  const std::optional<PeerRole> role_;
};

}  // namespace

RpcSecurity RpcSecurity::InsecureLoopback() {
  RpcSecurity security;
  security.insecure_ = true;
  return security;
}

absl::StatusOr<RpcSecurity> RpcSecurity::FromFolder(const std::string& dir) {
  RpcSecurity security;
  PMOE_ASSIGN_OR_RETURN(security.identity_, ReadIdentity(dir, absl::Now()));
  security.dir_ = dir;
  const IdentityFiles files(dir);
  security.provider_ = std::make_shared<FileWatcherCertificateProvider>(files.key, files.cert,
                                                                        files.ca, kReadEvery_s);
  return security;
}

bool RpcSecurity::MayBePlain(const RpcAddress& address) const {
  return address.is_unix || (insecure_ && address.is_loopback());
}

absl::StatusOr<RpcAddress> RpcSecurity::ParseAddress(absl::string_view text,
                                                     absl::string_view flag) const {
  PMOE_ASSIGN_OR_RETURN(RpcAddress address, ParseRpcAddress(text, flag));
  if (tls() || MayBePlain(address)) return address;
  const bool loopback = address.is_loopback();
  return absl::InvalidArgumentError(absl::StrCat(
      flag, " ", text,
      insecure_ ? " can be reached by others, and --insecure is for loopback only: give --tls DIR"
                : " is TCP, which needs certificates: give --tls DIR",
      " (make one with `pmoe certs init --out certs`)",
      loopback ? ", or --insecure to do without on this machine" : ""));
}

std::shared_ptr<grpc::ServerCredentials> RpcSecurity::ServerCredentials(
    const RpcAddress& address) const {
  if (address.is_unix || !tls()) {
    return MayBePlain(address) ? grpc::InsecureServerCredentials() : nullptr;
  }
  TlsServerCredentialsOptions options(provider_);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::experimental::TlsServerCredentials(options);
  credentials->SetAuthMetadataProcessor(std::make_shared<CallerCheck>(identity_->name.cluster));
  return credentials;
}

std::shared_ptr<grpc::ChannelCredentials> RpcSecurity::ChannelCredentials(
    const RpcAddress& address, std::optional<PeerRole> server) const {
  if (address.is_unix || !tls()) {
    return MayBePlain(address) ? grpc::InsecureChannelCredentials() : nullptr;
  }
  TlsChannelCredentialsOptions options;
  options.set_certificate_provider(provider_);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  // Instead of a host's name, which changes with every deployment, the peer's role is checked.
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<ServerCheck>(identity_->name.cluster,
                                                                           server));
  return grpc::experimental::TlsCredentials(options);
}

std::string RpcSecurity::Hint(const absl::Status& status) const {
  if (!tls() || !absl::StrContains(std::string(status.message()), "Socket closed")) return "";
  const absl::StatusOr<Identity> own = ReadIdentity(dir_, absl::Now());
  if (!own.ok()) return absl::StrCat("; ", own.status().message());
  return absl::StrCat("; it may not take the certificate of ", dir_,
                      " (another cluster's?): its log says why");
}

}  // namespace pmoe
