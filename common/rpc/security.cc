#include "common/rpc/security.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/caller_check.h"
#include "common/rpc/server_check.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace pmoe {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;
using grpc::experimental::TlsChannelCredentialsOptions;
using grpc::experimental::TlsServerCredentialsOptions;

constexpr unsigned kReadEvery_s = 1;

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
