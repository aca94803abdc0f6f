#include "common/rpc/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
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

// gRPC would silently take a socket path over from a server that still listens there.
absl::Status CheckSocketFree(const RpcAddress& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, address.path.data(), address.path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::InternalError("cannot make a socket");
  const bool listens = ::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  const int error = errno;
  ::close(fd);
  if (listens) return InUse(address);
  // gRPC would delete whatever lies there.
  struct stat info {};
  const bool is_file = ::lstat(address.path.c_str(), &info) == 0 && !S_ISSOCK(info.st_mode);
  if (error == EACCES || is_file) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot listen on ", address.Text(), ": ",
                     is_file ? "a file that is no socket lies there" : std::strerror(error)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(
    const RpcAddress& address, const std::vector<grpc::Service*>& services,
    const RpcSecurity& security) {
  const std::shared_ptr<grpc::ServerCredentials> credentials = security.ServerCredentials(address);
  PMOE_CHECK(credentials != nullptr);
  if (address.is_unix) PMOE_RETURN_IF_ERROR(CheckSocketFree(address));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetServerLimits(&builder);
  // One poller is enough for a few hundred streams, and saves threads in every process.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  int port = 0;
  // A unix socket gets its mode from the umask at bind, so nobody else can ever connect.
  const mode_t mask = ::umask(0077);
  builder.AddListeningPort(address.Text(), credentials, &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ::umask(mask);
  if (server == nullptr || port == 0) {
    if (!address.is_unix) return InUse(address);
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot listen on ", address.Text(), ": does the folder exist, and may you write in it?"));
  }
  RpcAddress bound = address;
  if (!bound.is_unix) bound.port = port;
  std::unique_ptr<RpcServer> result(new RpcServer(std::move(bound), std::move(server)));
  result->SetServing(true);
  return result;
}

RpcServer::~RpcServer() { Stop(std::chrono::milliseconds(0)); }

void RpcServer::SetServing(bool serving) {
  if (server_ != nullptr) server_->GetHealthCheckService()->SetServingStatus(serving);
}

void RpcServer::Stop(std::chrono::milliseconds grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  server_->Wait();
  server_.reset();
  if (address_.is_unix) ::unlink(address_.path.c_str());
}

}  // namespace pmoe
