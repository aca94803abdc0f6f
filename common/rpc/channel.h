// What every gRPC connection of the project has in common: keepalive (a silent peer is noticed
// after 10 + 5 s, also without calls), explicit message limits, its own TCP or unix connection.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "common/rpc/address.h"
#include "common/rpc/security.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/server_builder.h"

namespace pmoe {

inline constexpr int kMessageBytesMax = 64 << 20;
inline constexpr int kStreamsPerConnectionMax = 64;  // a sampler opens a few, others one or two
inline constexpr int kKeepaliveTime_ms = 10000;
inline constexpr int kKeepaliveTimeout_ms = 5000;

// First in main, before any channel or server. Raises the limit of descriptors. Our messages say
// what is wrong, gRPC's own log lines would stand between them, but for handshakes that fail
// (Refusals); and a channel that connects while no call waits on it is looked at every 100 ms
// instead of 5 s, so that a peer which comes back is found at once.
void PrepareGrpc();

// Connects lazily, to a server of that role only (nullopt: of any). `address` came from
// security.ParseAddress; calls on a channel to another one fail.
std::shared_ptr<grpc::Channel> MakeChannel(const RpcAddress& address,
                                           std::optional<PeerRole> server,
                                           const RpcSecurity& security);

// The same limits for a server, and those of what all its clients together may take: streams of a
// connection, threads, memory, the time that a silent connection stays.
void SetServerLimits(grpc::ServerBuilder* builder);

// For every unary call.
void SetDeadline(grpc::ClientContext* context, std::chrono::milliseconds timeout);

}  // namespace pmoe
