// Calls any method by its path, with an empty message and without knowing its types.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/base/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"

namespace pmoe {

inline absl::Status CallAny(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                            std::chrono::milliseconds timeout = std::chrono::milliseconds(5000)) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  SetDeadline(&context, timeout);
  grpc::CompletionQueue queue;
  const auto await = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    PMOE_CHECK(queue.Next(&tag, &ok));
    return ok;
  };
  const auto call = stub.PrepareCall(&context, path, &queue);
  call->StartCall(nullptr);
  if (await()) {
    grpc::Slice nothing;
    call->WriteLast(grpc::ByteBuffer(&nothing, 1), grpc::WriteOptions(), nullptr);
    await();
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    await();
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  await();
  return FromGrpc(status);
}

}  // namespace pmoe
