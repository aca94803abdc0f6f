// Whatever bytes a client of /metrics or the dashboard sends: to a real server over a socket, which
// has to answer an honest request afterwards. The library is linked as it is, not instrumented.
#include <sys/socket.h>

#include <cstdlib>
#include <optional>

#include "common/http/http_server.h"
#include "dashboard/access.h"
#include "tests/testing/http_client.h"

namespace pmoe {
namespace {

constexpr int kAskEvery = 64;

class Target {
 public:
  Target() {
    auto socket = ListeningSocket::Tcp("127.0.0.1", 0);
    if (!socket.ok()) std::abort();
    address_ = absl::StrCat("127.0.0.1:", socket->port());
    HttpServerOptions options;
    options.thread_name = "fuzz";
    options.answer_time = std::chrono::seconds(1);
    options.refuse = [this](const HttpRequest& request) -> std::optional<HttpAnswer> {
      const Credentials credentials = {request.host, request.authorization, request.cookie,
                                       request.Parameter("token")};
      if (access_.HostAllowed(request.host) && access_.Allowed(credentials)) return std::nullopt;
      HttpAnswer refusal;
      refusal.status = 401;
      return refusal;
    };
    options.answer = [](const HttpRequest& request) {
      HttpAnswer answer;
      answer.body = absl::StrCat(request.path, request.parameters.size());
      if (request.Parameter("s") == "1") answer.more = [] { return "news"; };
      return answer;
    };
    server_ = std::make_unique<HttpServer>(*std::move(socket), std::move(options));
  }

  void Send(absl::string_view bytes) {
    const RawConnection connection(address_);
    connection.Send(bytes);
    if (++sent_ % kAskEvery != 0) return;
    const std::string token = "Authorization: Bearer 0123456789abcdef\r\n";
    if (HttpGet(address_, "/x", token).body != "/x0") std::abort();
  }

 private:
  const Access access_{"0123456789abcdef", /*loopback=*/true};
  std::string address_;
  std::unique_ptr<HttpServer> server_;
  int sent_ = 0;
};

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto& target = *new pmoe::Target();
  target.Send({reinterpret_cast<const char*>(data), size});
  return 0;
}
