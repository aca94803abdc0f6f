// The server's check of every call before its handler: a certificate of this cluster, and a role
// that may call the method. Called by gRPC's threads; thread-safe.
#pragma once

#include <string>
#include <utility>

#include "grpcpp/security/auth_metadata_processor.h"

namespace pmoe {

class CallerCheck : public grpc::AuthMetadataProcessor {
 public:
  explicit CallerCheck(std::string cluster) : cluster_(std::move(cluster)) {}

  // On the thread that received the call: there is nothing to wait for.
  bool IsBlocking() const override { return false; }
  // UNAUTHENTICATED: no role, or another cluster's. PERMISSION_DENIED: as CheckMayCall. Both are
  // added to Refusals.
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context,
                       OutputMetadata* consumed, OutputMetadata* response) override;

 private:
  const std::string cluster_;
};

}  // namespace pmoe
