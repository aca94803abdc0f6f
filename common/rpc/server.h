// A gRPC server of one role: health, reflection, limits, a port that stays open whatever clients
// do, and an end in two steps. Owned by the role's main; the services outlive it.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/listener.h"
#include "common/rpc/address.h"
#include "common/rpc/security.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

namespace pmoe {

class RpcServer {
 public:
  // FailedPreconditionError: somebody listens there already, or the path cannot be made. A socket
  // file that nobody listens on is replaced; a new one is readable by its owner only. Under TLS
  // every call is checked before its service sees it (CallerCheck). `address` came from
  // security.ParseAddress.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(
      const RpcAddress& address, const std::vector<grpc::Service*>& services,
      const RpcSecurity& security);
  ~RpcServer();

  // With the port that was picked.
  const RpcAddress& address() const { return address_; }

  // Health: SERVING from Start on; NOT_SERVING tells probes and balancers to stay away.
  void SetServing(bool serving);
  // Ends: the port is closed and its socket file gone at once, so that another process may listen
  // there; new calls are refused, calls still open after `grace` are cancelled.
  void Stop(std::chrono::milliseconds grace);

 private:
  RpcServer() = default;
  void StartListening(ListeningSocket socket);

  RpcAddress address_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<Listener> listener_;  // its thread uses the acceptor
};

}  // namespace pmoe
