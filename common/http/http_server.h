// An HTTP server for pages and numbers: every process's /metrics, and the dashboard. One thread
// reads and writes for all clients (libmicrohttpd), a few others make the answers, so that a slow
// client delays nobody; how many bytes, connections and streams there are, and how long each stays,
// is bounded. Thread-safe; owns its threads; the destructor waits for no client.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/listener.h"
#include "common/http/http_message.h"

namespace pmoe {

struct HttpServerOptions {
  const char* thread_name;  // at most 15 letters
  std::string where;        // for messages: "127.0.0.1:9100"
  // Of every answer.
  std::vector<std::pair<std::string, std::string>> headers{};
  // Null or nullopt: the request is served. Called as soon as the request's headers are there; must
  // not wait.
  std::function<std::optional<HttpAnswer>(const HttpRequest&)> refuse{};
  // Called by one of the threads that make answers.
  std::function<HttpAnswer(const HttpRequest&)> answer;
  int answer_threads = 1;

  // What all clients together may take; a test wants less.
  size_t connections_max = 256;  // one more cuts the oldest that is no stream
  size_t streams_max = 8;        // one more gets 503
  // From the connection's start to the answer's last byte, streams aside.
  std::chrono::seconds answer_time{10};
  // A stream that does not take what is sent is cut.
  std::chrono::seconds stalled_time{10};
  // A request's line and headers together, and what is written at a time.
  static constexpr size_t kConnectionBytesMax = 32 << 10;
};

class HttpServer {
 public:
  HttpServer(ListeningSocket socket, HttpServerOptions options);
  ~HttpServer();

 private:
  class Engine;
  const std::unique_ptr<Engine> engine_;
};

}  // namespace pmoe
