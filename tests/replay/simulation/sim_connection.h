// One Insert call of a Simulation, at both ends.
#pragma once

#include <deque>
#include <memory>

#include "replay/service/insert_stream.h"
#include "tests/replay/simulation/simulation.h"

namespace pmoe {

struct Simulation::Connection : public InsertStream::Stream {
  // A message to the writer.
  bool Write(const InsertReply& reply, grpc::WriteOptions) override {
    if (!cut) to_writer.push_back(reply);
    return !cut;
  }
  // InsertStream's steps are called one by one.
  bool Read(InsertRequest*) override { return false; }
  bool NextMessageSize(uint32_t*) override { return false; }
  void SendInitialMetadata() override {}

  LifeName life{};
  InsertHello hello{};
  std::deque<InsertRequest> to_shard{};
  std::deque<InsertReply> to_writer{};
  std::unique_ptr<InsertStream> stream{};
  bool begun = false;       // the hello was taken
  bool busy = false;        // a request is under way
  bool cut = false;         // nothing comes through any more
  bool evicted = false;     // a newer one took its place
  int asked = 0;            // whether it is gone, during this request
  InsertRequest request{};  // under way
  int recorded = 0;         // of its chunks
};

}  // namespace pmoe
