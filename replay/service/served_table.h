// One table of a shard's process with what is its alone: its files and log, the writers that are in
// it, the file that is being loaded. Thread-safe; its owner makes one Open at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/replay.pb.h"
#include "replay/core/shard_types.h"
#include "replay/service/insert_streams.h"
#include "replay/service/table_holder.h"

namespace pmoe {

class ServedTable {
 public:
  // name: empty, the run's own. Its files lie in `dir`, which exists.
  ServedTable(std::string name, const std::string& dir) : name_(std::move(name)), holder_(dir) {}

  const std::string& name() const { return name_; }
  TableHolder* holder() { return &holder_; }
  InsertStreams* streams() { return &streams_; }

  // After TableHolder::Create: restores what the learner wants, and begins the log. While its
  // streams are closed.
  absl::Status Open(const CreateTableRequest& request, CreateTableReply* reply,
                    std::vector<std::string>* warnings);

  // UnavailableError, which says whose table is not there: come again.
  absl::StatusOr<ReplayShard*> Shard() const;
  // Nothing is held before it is ready.
  ShardStats Counts() const;
  // Which side waits, and for what; empty before it is ready.
  std::string Explain() const;
  // Zeros without a log.
  SegmentLogStats LogStats() const;
  TableStats Stats() const;
  // For streams: waits as the table's durability wants; null: need not wait.
  std::function<absl::Status()> AwaitAck(std::function<bool()> stop) const;

  void CountBadCrc() { ++crc_errors_; }
  // False: a file is being loaded already. True: until EndLoad.
  bool BeginLoad() { return !loading_.exchange(true); }
  void EndLoad() { loading_ = false; }

 private:
  const std::string name_;
  TableHolder holder_;
  InsertStreams streams_;
  uint64_t made_by_ = 0;  // Open's caller: the newest learner epoch that did
  std::atomic<bool> loading_{false};
  std::atomic<int64_t> crc_errors_{0};
};

}  // namespace pmoe
