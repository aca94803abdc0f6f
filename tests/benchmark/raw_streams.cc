#include "tests/benchmark/raw_streams.h"

#include <cstring>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "common/rpc/server.h"
#include "grpcpp/impl/rpc_service_method.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/method_handler.h"
#include "grpcpp/support/sync_stream.h"

namespace pmoe {
namespace {

using grpc::ByteBuffer;
using grpc::internal::RpcMethod;

constexpr char kMethod[] = "/pmoe.ReplayService/Insert";  // an actor may call it
constexpr size_t kFewBytes = 8;

ByteBuffer Message(size_t bytes) {
  const grpc::Slice slice(std::string(bytes, '\1'));
  return ByteBuffer(&slice, 1);
}

// Answers each message with as many bytes as the call's metadata asks for.
class RawService : public grpc::Service {
 public:
  RawService() {
    using Handler = grpc::internal::BidiStreamingHandler<RawService, ByteBuffer, ByteBuffer>;
    AddMethod(new grpc::internal::RpcServiceMethod(kMethod, RpcMethod::BIDI_STREAMING,
                                                   new Handler(&RawService::Exchange, this)));
  }

 private:
  static grpc::Status Exchange(RawService*, grpc::ServerContext* context,
                               grpc::ServerReaderWriter<ByteBuffer, ByteBuffer>* stream) {
    const auto size = context->client_metadata().find("reply-bytes");
    if (size == context->client_metadata().end()) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "reply-bytes is missing");
    }
    const ByteBuffer reply =
        Message(std::stoul(std::string(size->second.data(), size->second.size())));
    ByteBuffer request;
    while (stream->Read(&request) && stream->Write(reply)) continue;
    return grpc::Status::OK;
  }
};

}  // namespace

class RawStreams::Parts {
 public:
  RawService service;
  std::unique_ptr<RpcServer> server;  // ended before the service
  std::shared_ptr<grpc::Channel> channel;
};

RawStreams::RawStreams(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RawStreams::~RawStreams() = default;

absl::StatusOr<std::unique_ptr<RawStreams>> RawStreams::Start(const RpcAddress& address,
                                                              const RawStreamsSecurity& security) {
  auto parts = std::make_unique<Parts>();
  PMOE_ASSIGN_OR_RETURN(parts->server,
                        RpcServer::Start(address, {&parts->service}, security.server));
  parts->channel = MakeChannel(parts->server->address(), std::nullopt, security.client);
  return std::unique_ptr<RawStreams>(new RawStreams(std::move(parts)));
}

absl::Status RawStreams::Send(int messages, size_t bytes, int in_flight) {
  return Exchange(bytes, kFewBytes, messages, in_flight);
}

absl::Status RawStreams::Receive(int messages, size_t bytes, int in_flight) {
  return Exchange(kFewBytes, bytes, messages, in_flight);
}

absl::Status RawStreams::Exchange(size_t request_bytes, size_t reply_bytes, int messages,
                                  int in_flight) {
  grpc::ClientContext context;
  context.AddMetadata("reply-bytes", std::to_string(reply_bytes));
  const std::unique_ptr<grpc::ClientReaderWriter<ByteBuffer, ByteBuffer>> stream(
      grpc::internal::ClientReaderWriterFactory<ByteBuffer, ByteBuffer>::Create(
          parts_->channel.get(), RpcMethod(kMethod, RpcMethod::BIDI_STREAMING), &context));
  const ByteBuffer request = Message(request_bytes);
  ByteBuffer reply;
  int unanswered = 0;
  bool open = true;
  for (int i = 0; open && i < messages; ++i) {
    open = stream->Write(request);
    if (open && ++unanswered == in_flight) open = stream->Read(&reply) && --unanswered >= 0;
  }
  if (open) stream->WritesDone();
  while (stream->Read(&reply)) continue;
  return FromGrpc(stream->Finish());
}

}  // namespace pmoe
