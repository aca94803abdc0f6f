// The client's check of a server whose certificate TLS has found in order: of the same cluster, and
// of the role that is to be called there. Called by gRPC's threads; thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/tls/peer_name.h"
#include "grpcpp/security/tls_certificate_verifier.h"

namespace pmoe {

class ServerCheck : public grpc::experimental::ExternalCertificateVerifier {
 public:
  // nullopt: any role.
  ServerCheck(std::string cluster, std::optional<PeerRole> role)
      : cluster_(std::move(cluster)), role_(role) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> callback, grpc::Status* sync_status) override;
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest* request) override {}

 private:
  const std::string cluster_;
  const std::optional<PeerRole> role_;
};

// PermissionDeniedError: the certificate with these URIs is of another cluster or role.
absl::Status CheckServer(const std::vector<std::string>& uris, const std::string& cluster,
                         std::optional<PeerRole> role);

}  // namespace pmoe
