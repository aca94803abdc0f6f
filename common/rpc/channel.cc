#include "common/rpc/channel.h"

#include <cstdlib>

#include "common/base/descriptors.h"
#include "common/rpc/refusals.h"
#include "grpc/grpc.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/resource_quota.h"

namespace pmoe {
namespace {
constexpr int kReconnectFirst_ms = 200;
constexpr int kConnect_ms = 5000;
constexpr int kReconnectMax_ms = 1000;  // Backoff decides; gRPC's own must not add to it

// A connection that says nothing is closed after the first, one that calls nothing after the
// second; the project's own clients have a stream open or connect again.
constexpr int kHandshake_ms = 10000;
constexpr int kIdle_ms = 60000;
constexpr int kMetadataBytesMax = 8 << 10;
// Each stream has a thread, and so may each of the 1,024 actors that a run takes.
constexpr int kThreadsMax = 1536;
// Of the transport: what is received and not yet read.
constexpr size_t kMemoryMax = size_t{1} << 30;
}  // namespace

void PrepareGrpc() {
  RaiseDescriptorLimit();
  ListenForFailedHandshakes();
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100", /*overwrite=*/0);
  // Never shut down: after large messages gRPC's own end may take 10 s.
  grpc_init();
}

std::shared_ptr<grpc::Channel> MakeChannel(const RpcAddress& address,
                                           std::optional<PeerRole> server,
                                           const RpcSecurity& security) {
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(kMessageBytesMax);
  args.SetMaxSendMessageSize(kMessageBytesMax);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTime_ms);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout_ms);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirst_ms);
  // In spite of its name: how long one attempt may take. A busy server needs more than the pause.
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnect_ms);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMax_ms);
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a channel is a connection
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address.Text(), security.ChannelCredentials(address, server),
                                   args);
}

void SetServerLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMessageBytesMax);
  builder->SetMaxSendMessageSize(kMessageBytesMax);
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTime_ms);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout_ms);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kKeepaliveTime_ms / 2);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshake_ms);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdle_ms);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  grpc::ResourceQuota quota("server");
  quota.SetMaxThreads(kThreadsMax).Resize(kMemoryMax);
  builder->SetResourceQuota(quota);
}

void SetDeadline(grpc::ClientContext* context, std::chrono::milliseconds timeout) {
  context->set_deadline(std::chrono::system_clock::now() + timeout);
}

}  // namespace pmoe
