// A pmoe-replay process whose learner is a RunService in the test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "proto/run.grpc.pb.h"
#include "tests/replay/service/stream_testing.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"

namespace pmoe {

// Takes everybody in, notes their reports, and ends the run when asked to.
class OneRun final : public RunService::Service {
 public:
  grpc::Status Join(grpc::ServerContext* context, const JoinRequest* request,
                    JoinReply* reply) override {
    reply->mutable_seat()->set_run_id("run-a");
    MutexLock lock(&mu_);
    joined_ = *request;
    return grpc::Status::OK;
  }
  grpc::Status Follow(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<LearnerMessage, FollowerMessage>* stream) override {
    FollowerMessage report;
    while (stream->Read(&report)) {
      MutexLock lock(&mu_);
      last_ = report;
      ++reports_;
      changed_.NotifyAll();
      if (finished_) {
        LearnerMessage message;
        message.mutable_directive()->set_state(DirectiveMessage::FINISHED);
        stream->Write(message);
      }
    }
    return grpc::Status::OK;
  }
  void Finish() {
    MutexLock lock(&mu_);
    finished_ = true;
  }
  // The last of two reports from now on.
  FollowerMessage NextReport() {
    MutexLock lock(&mu_);
    const int from = reports_;
    for (int waits = 0; reports_ < from + 2 && waits < 200; ++waits) {
      changed_.WaitBriefly(&mu_);
    }
    return last_;
  }
  FollowerMessage last() {
    MutexLock lock(&mu_);
    return last_;
  }
  JoinRequest joined() {
    MutexLock lock(&mu_);
    return joined_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  JoinRequest joined_ ABSL_GUARDED_BY(mu_);
  FollowerMessage last_ ABSL_GUARDED_BY(mu_);
  int reports_ ABSL_GUARDED_BY(mu_) = 0;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

class ReplayProcessTest : public ::testing::Test {
 protected:
  void StartLearner() {
    const auto address = ParseRpcAddress(learner_, "--listen");
    ASSERT_OK(address);
    auto server = RpcServer::Start(*address, {&run_}, {});
    ASSERT_OK(server);
    server_ = *std::move(server);
  }
  std::vector<std::string> Command(const std::string& listen) const {
    return {Binary("pmoe-replay"), "--learner", learner_, "--listen", listen, "--dir",
            folder_.File("tables")};
  }
  std::unique_ptr<ReplayService::Stub> Connect() {
    const auto address = ParseRpcAddress(run_.joined().process().listen_address(), "the report");
    EXPECT_OK(address);
    return ReplayService::NewStub(
        MakeChannel(*address, PeerRole::kReplay, RpcSecurity::InsecureLoopback()));
  }
  static void InsertRows(ReplayService::Stub* stub) {
    TestWriter writer(stub, Hello());
    writer.SayHello();
    EXPECT_EQ(writer.SendAndWait(RowsOf(0, 10)).next_seq(), 1u);
    EXPECT_OK(writer.Finish());
  }

  TempDir folder_;
  const std::string learner_ = "unix:" + folder_.File("learner");
  OneRun run_;
  std::unique_ptr<RpcServer> server_;
};

}  // namespace pmoe
