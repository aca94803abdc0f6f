// Insert and Sample calls by hand, message by message, and a writer that never ends.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "replay/wire/chunk_codec.h"
#include "tests/replay/service/service_testing.h"

namespace pmoe {

// One Insert call by hand.
class TestWriter {
 public:
  TestWriter(ReplayService::Stub* stub, InsertHello hello) : hello_(std::move(hello)) {
    SetDeadline(&context_, kCallMax);
    stream_ = stub->Insert(&context_);
  }
  // The first answer: the seq wanted next.
  InsertReply SayHello() {
    InsertRequest request;
    *request.mutable_hello() = hello_;
    stream_->Write(request);
    return Next();
  }
  bool Send(const Chunk& chunk) {
    InsertRequest request;
    EncodeChunk(chunk, request.add_chunks());
    return stream_->Write(request);
  }
  bool Send(const InsertRequest& request) { return stream_->Write(request); }
  InsertReply Next() {
    InsertReply reply;
    stream_->Read(&reply);
    return reply;
  }
  InsertReply SendAndWait(const Chunk& chunk) {
    Send(chunk);
    return Next();
  }
  void Cancel() { context_.TryCancel(); }
  absl::Status Finish() {
    stream_->WritesDone();
    InsertReply reply;
    while (stream_->Read(&reply)) continue;
    return FromGrpc(stream_->Finish());
  }

 private:
  InsertHello hello_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<InsertRequest, InsertReply>> stream_;
};

inline InsertHello Hello(uint32_t epoch = 0, uint64_t first_seq_held = 0, uint32_t actor = 0) {
  InsertHello hello;
  hello.set_run_id("run-a");
  hello.set_actor(actor);
  hello.set_epoch(epoch);
  hello.set_first_seq_held(first_seq_held);
  hello.set_seat_signature(SeatSignature(actor, epoch));
  return hello;
}

// One Sample call by hand.
class TestSampler {
 public:
  explicit TestSampler(ReplayService::Stub* stub, uint64_t learner_epoch = 1)
      : learner_epoch_(learner_epoch) {
    SetDeadline(&context_, kCallMax);
    stream_ = stub->Sample(&context_);
  }
  bool Ask(uint32_t rows, int64_t insert_bound = 0, uint32_t sequence_rows = 0) {
    SampleRequest request;
    if (!std::exchange(said_hello_, true)) *request.mutable_learner() = Learner(learner_epoch_);
    request.set_rows(rows);
    request.set_insert_bound(insert_bound);
    request.set_sequence_rows(sequence_rows);
    return stream_->Write(request);
  }
  bool AskForSequences(uint32_t count, uint32_t rows) { return Ask(count, 0, rows); }
  // False: the call has ended.
  bool Next(SampleReply* reply) { return stream_->Read(reply); }
  void Cancel() { context_.TryCancel(); }
  absl::Status Finish() {
    stream_->WritesDone();
    SampleReply reply;
    while (stream_->Read(&reply)) continue;
    return FromGrpc(stream_->Finish());
  }

 private:
  const uint64_t learner_epoch_;
  bool said_hello_ = false;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<SampleRequest, SampleReply>> stream_;
};

// An actor that writes whatever its shard takes, until the end.
class EndlessWriter {
 public:
  // rows: of its chunks; of fewer than whole ones the steps between are lost.
  explicit EndlessWriter(const ServedShard& served, uint32_t rows = kPageRows)
      : stub_(served.Connect()),
        rows_(rows),
        writer_(stub_.get(), Hello()),
        thread_([this] { Run(); }) {}
  ~EndlessWriter() {
    ended_ = true;
    writer_.Cancel();
    thread_.join();
  }

 private:
  void Run() {
    uint64_t seq = writer_.SayHello().next_seq();
    for (; !ended_; ++seq) {
      const Chunk chunk =
          MakeChunk(kServedSpec, {.seq = seq, .first_step = seq * kPageRows, .rows = rows_});
      if (!writer_.Send(chunk)) return;
      writer_.Next();
    }
  }

  std::unique_ptr<ReplayService::Stub> stub_;
  const uint32_t rows_;
  TestWriter writer_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace pmoe
