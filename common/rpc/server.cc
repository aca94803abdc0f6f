#include "common/rpc/server.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/descriptors.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"

namespace pmoe {
namespace {

absl::Status InUse(const RpcAddress& address) {
  return absl::FailedPreconditionError(absl::StrCat(
      "cannot listen on ", address.Text(),
      ": another process does; stop it (pmoe status names it), or choose another address"));
}

absl::StatusOr<ListeningSocket> ListenAt(const RpcAddress& address) {
  absl::StatusOr<ListeningSocket> socket = address.is_unix
                                               ? ListeningSocket::Unix(address.path)
                                               : ListeningSocket::Tcp(address.host, address.port);
  if (socket.ok()) return socket;
  if (absl::IsAlreadyExists(socket.status())) return InUse(address);
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen on ", address.Text(), ": ", socket.status().message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(
    const RpcAddress& address, const std::vector<grpc::Service*>& services,
    const RpcSecurity& security) {
  const std::shared_ptr<grpc::ServerCredentials> credentials = security.ServerCredentials(address);
  PMOE_CHECK(credentials != nullptr);
  PMOE_ASSIGN_OR_RETURN(ListeningSocket socket, ListenAt(address));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetServerLimits(&builder);
  // One poller is enough for a few hundred streams, and saves threads in every process.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<RpcServer> result(new RpcServer);
  result->address_ = address;
  if (!address.is_unix) result->address_.port = socket.port();
  result->acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
  result->server_ = builder.BuildAndStart();
  if (result->server_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot serve on ", address.Text(),
                     ": gRPC does not start; are the certificates in order?"));
  }
  result->StartListening(std::move(socket));
  result->SetServing(true);
  return result;
}

// gRPC 1.51's own listener is deaf for ever once a connection finds no descriptor free.
void RpcServer::StartListening(ListeningSocket socket) {
  ListenerOptions options;
  options.thread_name = "rpc_accept";
  options.where = address_.Text();
  options.fds_max = RpcDescriptorsMax;
  options.take = [this, port = socket.fd()](int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = port;
    connection.fd = fd;
    acceptor_->HandleNewConnection(&connection);
  };
  listener_ = std::make_unique<Listener>(std::move(socket), std::move(options));
}

RpcServer::~RpcServer() { Stop(std::chrono::milliseconds(0)); }

void RpcServer::SetServing(bool serving) {
  if (server_ != nullptr) server_->GetHealthCheckService()->SetServingStatus(serving);
}

void RpcServer::Stop(std::chrono::milliseconds grace) {
  if (server_ == nullptr) return;
  // Before anything else: nobody finds a process that leaves, and who takes its place meanwhile
  // keeps the socket file that is its own.
  if (address_.is_unix) ::unlink(address_.path.c_str());
  listener_.reset();
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  server_->Wait();
  server_.reset();
}

}  // namespace pmoe
