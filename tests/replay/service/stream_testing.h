// Insert and Sample calls by hand, message by message.
#pragma once

#include <memory>
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
  bool Ask(uint32_t rows, int64_t insert_bound = 0) {
    SampleRequest request;
    if (!std::exchange(said_hello_, true)) *request.mutable_learner() = Learner(learner_epoch_);
    request.set_rows(rows);
    request.set_insert_bound(insert_bound);
    return stream_->Write(request);
  }
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

}  // namespace pmoe
