// A client that counts, against real servers on unix sockets that echo or fail.
#include "common/rpc/reconnecting_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "proto/replay.grpc.pb.h"
#include "tests/testing/eventually.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Stream = grpc::ClientReaderWriter<InsertRequest, InsertReply>;

RpcAddress UnixAddress(const std::string& path) {
  RpcAddress address;
  address.is_unix = true;
  address.path = path;
  return address;
}

class EchoServer : public ReplayService::Service {
 public:
  // `fails`: ends every stream at its first message.
  EchoServer(const std::string& path, bool fails) : fails_(fails) {
    auto server = RpcServer::Start(UnixAddress(path), {this}, RpcSecurity::InsecureLoopback());
    EXPECT_OK(server);
    server_ = *std::move(server);
  }
  ~EchoServer() override { server_->Stop(milliseconds(0)); }

  int echoes() const { return echoes_; }
  int ends() const { return ends_; }  // of streams, as their client wanted it

 private:
  grpc::Status Insert(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<InsertReply, InsertRequest>* stream) override {
    for (InsertRequest request; stream->Read(&request);) {
      if (fails_) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not today");
      InsertReply reply;
      reply.set_next_seq(request.hello().first_seq_held());
      if (stream->Write(reply)) ++echoes_;
    }
    if (!context->IsCancelled()) ++ends_;
    return grpc::Status::OK;
  }

  const bool fails_;
  std::atomic<int> echoes_ = 0, ends_ = 0;
  std::unique_ptr<RpcServer> server_;
};

// Sends a number, and the next one once it has heard the last. A stream that brought something was
// of use.
class Counter {
 public:
  explicit Counter(Clock* clock = Clock::Real())
      : clock_(clock),
        stream_(PeerRole::kReplay, RpcSecurity::InsecureLoopback(), Rng(7, RngRole::kBackoff, 0),
                {.prepare = nullptr,
                 .serve = [this](const auto& channel,
                                 auto* context) { return Serve(channel, context); },
                 .ended = [this](const absl::Status& status) { return OnEnd(status); }},
                clock) {
    stream_.Start();
  }

  ReconnectingStream& stream() { return stream_; }
  int heard() const { return heard_; }
  int begun() const { return begun_; }
  int ended() const { return ended_; }
  // Says goodbye with the next message.
  void EndRequests() {
    MutexLock lock(&mu_);
    over_ = true;
    changed_.NotifyAll();
  }
  struct Begun {
    Clock::Time time;
    bool was_of_use = false;
  };
  std::vector<Begun> streams() const {
    MutexLock lock(&mu_);
    return streams_;
  }

 private:
  absl::Status Serve(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context) {
    ++begun_;
    {
      MutexLock lock(&mu_);
      streams_.push_back({clock_->Now()});
      over_ = false;
    }
    const auto stub = ReplayService::NewStub(channel);
    const std::unique_ptr<Stream> stream = stub->Insert(context);
    return Converse<Stream>(
        stream.get(), context, [this](Stream* out) { Write(out); },
        [this](Stream* in) { return Read(in); }, [this] { EndRequests(); });
  }

  void Write(Stream* stream) {
    InsertRequest request;
    for (int sent = heard_;; sent = heard_) {
      request.mutable_hello()->set_first_seq_held(static_cast<uint64_t>(sent + 1));
      if (!stream->Write(request)) return;
      MutexLock lock(&mu_);
      while (!over_ && heard_ == sent) changed_.Wait(&mu_);
      if (over_) return;
    }
  }

  absl::Status Read(Stream* stream) {
    for (InsertReply reply; stream->Read(&reply);) {
      MutexLock lock(&mu_);
      streams_.back().was_of_use = true;
      heard_ = static_cast<int>(reply.next_seq());
      changed_.NotifyAll();
    }
    return absl::OkStatus();
  }

  NextStream OnEnd(const absl::Status& status) {
    ++ended_;
    MutexLock lock(&mu_);
    return streams_.back().was_of_use ? NextStream::kSoon : NextStream::kLater;
  }

  Clock* const clock_;
  std::atomic<int> heard_ = 0, begun_ = 0, ended_ = 0;
  mutable Mutex mu_;
  CondVar changed_;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Begun> streams_ ABSL_GUARDED_BY(mu_);
  ReconnectingStream stream_;
};

// Takes connections and says nothing.
class MuteListener {
 public:
  explicit MuteListener(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
  }
  ~MuteListener() { ::close(fd_); }

 private:
  const int fd_;
};

class ReconnectingStreamTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name = "s") const { return folder_.File(name); }
  RpcAddress Address(const std::string& name = "s") const { return UnixAddress(Path(name)); }

  TempDir folder_;
};

TEST_F(ReconnectingStreamTest, ComesBackWhenTheServerWasAway) {
  auto server = std::make_unique<EchoServer>(Path(), /*fails=*/false);
  Counter counter;
  counter.stream().SetAddress(Address());
  ASSERT_TRUE(Eventually([&] { return counter.heard() > 3; }));
  server.reset();
  ASSERT_TRUE(Eventually([&] { return counter.ended() > 0; }));
  server = std::make_unique<EchoServer>(Path(), /*fails=*/false);
  EXPECT_TRUE(Eventually([&] { return server->echoes() > 3; }));
}

TEST_F(ReconnectingStreamTest, KeepsBackingOffFromAServerThatTakesAStreamAndFails) {
  EchoServer server(Path(), /*fails=*/true);
  FakeClock clock;
  Counter counter(&clock);
  counter.stream().SetAddress(Address());
  ASSERT_TRUE(Eventually([&] { return counter.ended() >= 30; }));
  counter.stream().Stop();
  const auto streams = counter.streams();
  Clock::Duration longest{};
  for (size_t i = 1; i < streams.size(); ++i) {
    longest = std::max(longest, streams[i].time - streams[i - 1].time);
  }
  EXPECT_GT(longest, seconds(5));
  EXPECT_LE(longest, seconds(11));
}

TEST_F(ReconnectingStreamTest, AStreamThatWasOfUseIsFollowedByAShortPause) {
  FakeClock clock;
  Counter counter(&clock);
  counter.stream().SetAddress(Address());
  for (int life = 0; life < 5; ++life) {
    {
      const EchoServer server(Path(), /*fails=*/false);
      ASSERT_TRUE(Eventually([&] { return server.echoes() > 0; }));
    }
    const int ended = counter.ended();  // the pauses have grown after so many more
    ASSERT_TRUE(Eventually([&] { return counter.ended() > ended + 10; }));
  }
  counter.stream().Stop();
  const auto streams = counter.streams();
  int of_use = 0;
  for (size_t i = 1; i < streams.size(); ++i) {
    if (!streams[i - 1].was_of_use) continue;
    ++of_use;
    EXPECT_LE(streams[i].time - streams[i - 1].time, milliseconds(201));
  }
  EXPECT_GE(of_use, 5);
}

TEST_F(ReconnectingStreamTest, MovesToAnotherAddressAtOnce) {
  EchoServer first(Path("1"), /*fails=*/false), second(Path("2"), /*fails=*/false);
  FakeClock clock(FakeClock::OnWait::kHold);  // no pause ends by itself
  Counter counter(&clock);
  counter.stream().SetAddress(Address("1"));
  ASSERT_TRUE(Eventually([&] { return first.echoes() > 0; }));
  counter.stream().SetAddress(Address("2"));
  EXPECT_TRUE(Eventually([&] { return second.echoes() > 0; }));
  EXPECT_EQ(counter.stream().address(), Address("2").Text());
}

TEST_F(ReconnectingStreamTest, AnAddressEndsAPause) {
  FakeClock clock(FakeClock::OnWait::kHold);
  Counter counter(&clock);
  counter.stream().SetAddress(Address());
  ASSERT_TRUE(Eventually([&] { return counter.ended() == 1; })) << "nobody is there";
  const EchoServer server(Path(), /*fails=*/false);
  // gRPC has a pause of its own after a connection that failed, up to a second.
  EXPECT_TRUE(Eventually([&] {
    counter.stream().SetAddress(Address());
    return server.echoes() > 0;
  }));
}

TEST_F(ReconnectingStreamTest, StopsBeforeThereIsAnAddress) {
  Counter counter;
  counter.stream().Stop();
  EXPECT_EQ(counter.begun(), 0);
}

TEST_F(ReconnectingStreamTest, StopsWhileItConnects) {
  const MuteListener listener(Path());
  Counter counter;
  counter.stream().SetAddress(Address());
  ASSERT_TRUE(Eventually([&] { return counter.begun() == 1; }));
  counter.stream().Stop();
  EXPECT_EQ(counter.ended(), 0) << "a stop is no loss";
}

TEST_F(ReconnectingStreamTest, StopsWhileItPauses) {
  FakeClock clock(FakeClock::OnWait::kHold);
  Counter counter(&clock);
  counter.stream().SetAddress(Address());
  ASSERT_TRUE(Eventually([&] { return counter.ended() == 1; }));
  counter.stream().Stop();
  EXPECT_EQ(counter.begun(), 1);
}

TEST_F(ReconnectingStreamTest, StopLetsTheStreamComeToItsEnd) {
  const EchoServer server(Path(), /*fails=*/false);
  Counter counter;
  counter.stream().SetAddress(Address());
  ASSERT_TRUE(Eventually([&] { return counter.heard() > 0; }));
  counter.EndRequests();
  counter.stream().Stop(Clock::Real()->Now() + seconds(40));
  EXPECT_TRUE(Eventually([&] { return server.ends() == 1; }));
}

TEST_F(ReconnectingStreamTest, StopDoesNotWaitLongerForAnEndThanItWasTold) {
  const EchoServer server(Path(), /*fails=*/false);
  Counter counter;
  counter.stream().SetAddress(Address());
  ASSERT_TRUE(Eventually([&] { return counter.heard() > 0; }));
  counter.stream().Stop(Clock::Real()->Now() + milliseconds(20));
  EXPECT_EQ(server.ends(), 0);
}

// What ends for good is not tried again, and a later Stop has nothing to wait for.
TEST_F(ReconnectingStreamTest, EndsWhenItsOwnerSaysSo) {
  std::atomic<int> prepared = 0, ended = 0;
  ReconnectingStream stream(PeerRole::kReplay, RpcSecurity::InsecureLoopback(),
                            Rng(7, RngRole::kBackoff, 0),
                            {.prepare =
                                 [&] {
                                   ++prepared;
                                   return absl::PermissionDeniedError("not you");
                                 },
                             .serve = [](const auto&, auto*) { return absl::OkStatus(); },
                             .ended =
                                 [&](const absl::Status& status) {
                                   EXPECT_TRUE(absl::IsPermissionDenied(status));
                                   ++ended;
                                   return NextStream::kNone;
                                 }});
  stream.SetAddress(Address());
  stream.Start();
  ASSERT_TRUE(Eventually([&] { return ended == 1; }));
  stream.Stop();
  EXPECT_EQ(prepared, 1);
}

}  // namespace
}  // namespace pmoe
