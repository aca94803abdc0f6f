// How a process protects its connections, decided once by its flags: TCP with mutual TLS, where
// both sides show a certificate of their cluster and role; or, on request, plain TCP on loopback;
// or neither, and then there is no TCP. Unix sockets are plain always: their file lets only its
// owner in. A value: copies share the certificates, which are read anew every second, so that a
// renewed one counts from the next connection on. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/address.h"
#include "common/tls/identity.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/security/tls_certificate_provider.h"

namespace pmoe {

class RpcSecurity {
 public:
  // Unix sockets only.
  RpcSecurity() = default;
  static RpcSecurity InsecureLoopback();
  // Mutual TLS with the certificate of this folder (ReadIdentity, whose errors it returns).
  static absl::StatusOr<RpcSecurity> FromFolder(const std::string& dir);

  bool tls() const { return provider_ != nullptr; }
  // Of this process's certificate as it was at the start; nullopt without TLS.
  const std::optional<Identity>& identity() const { return identity_; }

  // ParseRpcAddress, and InvalidArgumentError for an address that would have to be plain and may
  // not. `flag` names what the text came from.
  absl::StatusOr<RpcAddress> ParseAddress(absl::string_view text, absl::string_view flag) const;

  // Null for an address that ParseAddress would not have let through.
  std::shared_ptr<grpc::ServerCredentials> ServerCredentials(const RpcAddress& address) const;
  // The connection is made only to a server of that role; nullopt: of any.
  std::shared_ptr<grpc::ChannelCredentials> ChannelCredentials(
      const RpcAddress& address, std::optional<PeerRole> server) const;

  // What can be added to an error of a connection: that the peer closed it before a word may mean
  // that it did not take this process's certificate.
  std::string Hint(const absl::Status& status) const;

 private:
  bool MayBePlain(const RpcAddress& address) const;

  bool insecure_ = false;
  std::string dir_;
  std::optional<Identity> identity_;
  std::shared_ptr<grpc::experimental::FileWatcherCertificateProvider> provider_;
};

}  // namespace pmoe
