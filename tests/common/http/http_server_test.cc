// Polite and hostile clients of a real server, as bytes over sockets.
#include "common/http/http_server.h"

#include <atomic>
#include <fstream>

#include "common/base/clock.h"
#include "gmock/gmock.h"
#include "tests/testing/eventually.h"
#include "tests/testing/http_client.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

// Of this process, the server's and the clients' together.
int64_t ResidentKb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmRSS:") continue;
    int64_t kb = 0;
    status >> kb;
    return kb;
  }
  return -1;
}

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.thread_name = "http";
    options_.refuse = [](const HttpRequest& request) -> std::optional<HttpAnswer> {
      if (request.authorization != "wrong") return std::nullopt;
      HttpAnswer answer;
      answer.status = 401;
      return answer;
    };
    options_.answer = [](const HttpRequest& request) {
      HttpAnswer answer;
      answer.body = absl::StrCat("path=", request.path, " a=", request.Parameter("a"));
      return answer;
    };
  }
  void Start() {
    auto socket = ListeningSocket::Tcp("127.0.0.1", 0);
    ASSERT_OK(socket);
    address_ = absl::StrCat("127.0.0.1:", socket->port());
    server_ = std::make_unique<HttpServer>(*std::move(socket), options_);
  }
  bool Serves() const { return HttpGet(address_, "/alive").body == "path=/alive a="; }
  std::vector<RawConnection> HalfRequests(int count) const {
    std::vector<RawConnection> clients;
    for (int i = 0; i < count; ++i) {
      clients.emplace_back(address_);
      clients.back().Send("GET /metrics HTTP/1.1\r\nHost: loc");
    }
    return clients;
  }

  HttpServerOptions options_{};
  std::string address_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithWhatWasAsked) {
  Start();
  const HttpReply reply = HttpGet(address_, "/x%20y?b=2&a=1%26+3&a=4");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "path=/x y a=1& 3");
  EXPECT_EQ(reply.Header("Content-Type"), "text/plain; charset=utf-8");
}

TEST_F(HttpServerTest, AHeadRequestGetsNoBody) {
  Start();
  const RawConnection connection(address_);
  connection.Send(RequestText("HEAD", "/"));
  const HttpReply reply = ParseReply(connection.ReadToEnd());
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
}

TEST_F(HttpServerTest, AStreamBringsWhatIsNewUntilTheClientLeaves) {
  std::atomic<int> calls{0};
  std::weak_ptr<int> life;  // of the stream's function
  options_.answer = [&](const HttpRequest&) {
    const auto mine = std::make_shared<int>(0);
    life = mine;
    HttpAnswer answer;
    answer.body = "begin;";
    answer.more = [&calls, mine] { return absl::StrCat("news ", ++calls, ";"); };
    return answer;
  };
  Start();
  {
    const RawConnection connection(address_);
    connection.Send(RequestText("GET", "/"));
    EXPECT_TRUE(connection.ReadUntil("news 2;"));
    EXPECT_FALSE(life.expired());
  }
  EXPECT_TRUE(Eventually([&] { return life.expired(); }));
}

struct Endless {
  const char* what;
  std::string start;
  std::string piece;
};

class EndlessRequestTest : public HttpServerTest, public ::testing::WithParamInterface<Endless> {};

TEST_P(EndlessRequestTest, IsCutOffAndTakesNoMemory) {
  Start();
  ASSERT_TRUE(Serves());
  const int64_t before_kb = ResidentKb();
  constexpr size_t kFar = 64 << 20;
  const std::string piece = [this] {
    std::string text;
    while (text.size() < 65536) text += GetParam().piece;
    return text;
  }();
  const RawConnection connection(address_);
  connection.Send(GetParam().start);
  size_t sent = 0;
  while (sent < kFar && connection.Send(piece)) sent += piece.size();
  EXPECT_LT(sent, kFar);
  EXPECT_LT(ResidentKb() - before_kb, 16 << 10);
  EXPECT_TRUE(Serves());
}

constexpr char kStart[] = "GET / HTTP/1.1\r\nHost: localhost\r\n";

INSTANTIATE_TEST_SUITE_P(
    Kinds, EndlessRequestTest,
    ::testing::Values(
        Endless{"Method", "", "G"}, Endless{"Line", "GET /", "a"},
        Endless{"Query", "GET /?a=", "&a=%00"}, Endless{"EmptyLines", "", "\r\n"},
        Endless{"HeaderName", kStart, "x"},
        Endless{"HeaderValue", absl::StrCat(kStart, "A: "), "x"},
        Endless{"Headers", kStart, "A: b\r\n"},
        Endless{"Cookies", absl::StrCat(kStart, "Cookie: "), "a=b; "},
        Endless{"FoldedHeader", absl::StrCat(kStart, "A: "), "x\r\n "},
        Endless{"Body", absl::StrCat(kStart, "Content-Length: 1000000000000\r\n\r\n"), "x"},
        Endless{"BodyBeyondEveryNumber",
                absl::StrCat(kStart, "Content-Length: 99999999999999999999999\r\n\r\n"), "x"},
        Endless{"Chunks", absl::StrCat(kStart, "Transfer-Encoding: chunked\r\n\r\n"), "1\r\nx\r\n"},
        Endless{"ChunkExtension", absl::StrCat(kStart, "Transfer-Encoding: chunked\r\n\r\n1;"),
                "x"},
        Endless{"Pipeline", "", absl::StrCat(kStart, "\r\n")},
        Endless{"Nothing", "", std::string(1, '\0')},
        Endless{"NoText", kStart, "\xff\xfe: \xc3\x28\r\n"}),
    [](const auto& param) { return param.param.what; });

TEST_F(HttpServerTest, ABodyIsRefusedBeforeItIsSent) {
  Start();
  for (const char* header : {"Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n",
                             "Content-Length: 5\r\nExpect: 100-continue\r\n"}) {
    const RawConnection connection(address_);
    connection.Send(RequestText("GET", "/", header));
    const HttpReply reply = ParseReply(connection.ReadToEnd());
    EXPECT_EQ(reply.status, 413) << header;
  }
}

TEST_F(HttpServerTest, WhoMayNotAskHearsItBeforeTheBody) {
  Start();
  const RawConnection connection(address_);
  connection.Send(
      RequestText("POST", "/", "Authorization: wrong\r\nContent-Length: 1000000000\r\n"));
  EXPECT_EQ(ParseReply(connection.ReadToEnd()).status, 401);
}

TEST_F(HttpServerTest, AConnectionHasOneRequest) {
  Start();
  const RawConnection connection(address_);
  const std::string one = RequestText("GET", "/one");
  connection.Send(one + one + one);
  const std::string all = connection.ReadToEnd();
  EXPECT_THAT(all, HasSubstr("path=/one"));
  EXPECT_EQ(all.find("HTTP/1.1"), all.rfind("HTTP/1.1"));
}

TEST_F(HttpServerTest, WhatIsNoHttpIsRefused) {
  options_.answer_time = seconds(1);
  Start();
  for (const char* text :
       {"\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "\xff\xfe\xfd / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"}) {
    const RawConnection connection(address_);
    connection.Send(text);
    EXPECT_NE(ParseReply(connection.ReadToEnd()).status, 200) << text;
    EXPECT_TRUE(Serves()) << text;
  }
}

TEST_F(HttpServerTest, ManySlowClientsDelayNobody) {
  Start();
  const auto slow = HalfRequests(200);
  const auto begin = Clock::Real()->Now();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Serves());
  EXPECT_LT(Clock::Real()->Now() - begin, seconds(5));
}

TEST_F(HttpServerTest, MoreConnectionsThanItHoldsDelayNobody) {
  Start();
  const auto slow = HalfRequests(600);
  EXPECT_TRUE(Serves());
  // The oldest had to go.
  EXPECT_EQ(slow.front().ReadToEnd(), "");
}

TEST_F(HttpServerTest, ARequestThatArrivesByteByByteIsCutInTime) {
  options_.answer_time = seconds(1);
  Start();
  const RawConnection connection(address_);
  const auto begin = Clock::Real()->Now();
  // Each byte comes long before the connection would count as silent.
  connection.Send("GET / HTTP/1.1\r\nHost: localhost\r\nA: ");
  EXPECT_TRUE(Eventually([&] { return !connection.Send("x"); }));
  EXPECT_LT(Clock::Real()->Now() - begin, seconds(9));
}

TEST_F(HttpServerTest, AnAnswerThatIsNotReadIsCutInTime) {
  options_.answer_time = seconds(1);
  const std::string large(32 << 20, 'x');
  options_.answer = [&large](const HttpRequest& request) {
    HttpAnswer answer;
    if (request.path == "/large") answer.lasting_body = large;
    return answer;
  };
  Start();
  const RawConnection connection(address_);
  connection.Send(RequestText("GET", "/large"));
  EXPECT_TRUE(Eventually([&] { return !connection.Send("x"); }));
  EXPECT_LT(connection.ReadToEnd().size(), large.size());
}

TEST_F(HttpServerTest, AStreamThatIsNotReadIsCutInTime) {
  options_.stalled_time = seconds(1);
  std::atomic<int64_t> bytes{0};
  options_.answer = [&bytes](const HttpRequest&) {
    HttpAnswer answer;
    answer.more = [&bytes] {
      bytes += 32 << 20;
      return std::string(32 << 20, 'x');
    };
    return answer;
  };
  Start();
  const RawConnection connection(address_);
  connection.Send(RequestText("GET", "/"));
  EXPECT_TRUE(Eventually([&] { return bytes > 0 && !connection.Send("x"); }));
  EXPECT_EQ(bytes, 32 << 20);
}

TEST_F(HttpServerTest, ItsEndWaitsForNoClient) {
  options_.answer = [](const HttpRequest&) {
    HttpAnswer answer;
    answer.body = "begin";
    answer.more = [] { return ""; };
    return answer;
  };
  Start();
  const auto slow = HalfRequests(40);
  const RawConnection stream(address_);
  stream.Send(RequestText("GET", "/"));
  ASSERT_TRUE(stream.ReadUntil("begin"));
  const auto begin = Clock::Real()->Now();
  server_.reset();
  EXPECT_LT(Clock::Real()->Now() - begin, seconds(2));
  EXPECT_EQ(slow.back().ReadToEnd(), "");
  // A stream ends in order, or a browser would report an error.
  EXPECT_EQ(stream.ReadToEnd(), "0\r\n\r\n");
}

}  // namespace
}  // namespace pmoe
