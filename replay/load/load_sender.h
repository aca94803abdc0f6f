// The caller's end of ReplayService.Load: rows of a file, to one shard. Thread-compatible.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "common/rpc/security.h"
#include "grpcpp/client_context.h"
#include "proto/replay.grpc.pb.h"
#include "replay/load/row_chunks.h"

namespace pmoe {

class LoadSender {
 public:
  // hello: all but its columns, which are those of `spec`.
  // limit: of the whole call; none: it may wait for the shard's disk for ever.
  LoadSender(const TableSpec& spec, LoadHello hello, const RpcAddress& shard,
             const RpcSecurity& security,
             std::optional<std::chrono::milliseconds> limit = std::nullopt);

  // CancelledError: the call has ended; Finish says why.
  absl::Status Add(const SourceRow& row) { return chunks_.Add(row); }
  absl::Status Flush();
  // What the shard says of the call.
  absl::StatusOr<LoadReply> Finish();
  uint64_t rows_sent() const { return rows_sent_; }

 private:
  std::unique_ptr<grpc::ClientWriter<LoadRequest>> Begin(
      std::optional<std::chrono::milliseconds> limit);
  absl::Status Take(const Chunk& chunk);
  absl::Status Send();

  const size_t row_bytes_;
  const std::unique_ptr<ReplayService::Stub> stub_;
  grpc::ClientContext context_;
  LoadReply reply_;
  std::unique_ptr<grpc::ClientWriter<LoadRequest>> stream_;
  LoadRequest request_;  // to be sent; the hello is in the first one
  size_t rows_ = 0;      // in it
  uint64_t rows_sent_ = 0;
  RowChunks chunks_;
};

}  // namespace pmoe
