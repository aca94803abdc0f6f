#include "common/http/http_server.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/descriptors.h"
#include "common/base/mutex.h"
#include "common/base/thread_name.h"
#include "common/http/connection_book.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kNewsEvery(1);
constexpr size_t kParametersMax = 64;
// For the streams' last bytes, without which a browser reports an error.
constexpr std::chrono::milliseconds kEndIn(300);
constexpr size_t kBlock = 4096;
constexpr int kForbiddenMethod = 405, kTooLarge = 413, kBusy = 503;

HttpAnswer Refusal(int status, const std::string& text) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = text + "\n";
  return answer;
}

MHD_Result AddParameter(void* request, MHD_ValueKind /*kind*/, const char* key, size_t key_size,
                        const char* value, size_t value_size) {
  auto& parameters = static_cast<HttpRequest*>(request)->parameters;
  if (parameters.size() == kParametersMax) return MHD_NO;
  parameters.emplace_back(std::string(key, key_size),
                          value == nullptr ? "" : std::string(value, value_size));
  return MHD_YES;
}

std::string Header(MHD_Connection* connection, const char* name) {
  const char* const value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? "" : value;
}

HttpRequest Parse(MHD_Connection* connection, const char* url) {
  HttpRequest request;
  request.path = url;
  MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, AddParameter, &request);
  request.host = Header(connection, "Host");
  request.authorization = Header(connection, "Authorization");
  request.cookie = Header(connection, "Cookie");
  request.range = Header(connection, "Range");
  return request;
}

void AddHeaders(const std::vector<std::pair<std::string, std::string>>& headers,
                MHD_Response* response) {
  for (const auto& [name, value] : headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
  }
}

bool HasBody(MHD_Connection* connection) {
  const std::string length = Header(connection, "Content-Length");
  return !(length.empty() || length == "0") || !Header(connection, "Transfer-Encoding").empty();
}

}  // namespace

std::string HttpRequest::Parameter(absl::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return "";
}

// The library's thread calls the static functions. A request whose answer is not there, and a
// stream that has no news, is suspended and in `jobs_`; the library does not touch it until an
// answer thread resumes it, so that an Exchange always belongs to exactly one thread.
class HttpServer::Engine {
 public:
  Engine(ListeningSocket socket, HttpServerOptions options);
  ~Engine();

 private:
  struct Exchange {
    MHD_Connection* connection;
    HttpRequest request;
    std::optional<HttpAnswer> answer;
    // Of a stream.
    std::string news;  // from `sent` on not yet taken by the library
    size_t sent = 0;
    Clock::Time next_news = Clock::Time::min();
    bool left = false;
  };

  static void OnConnection(void* engine, MHD_Connection* connection, void** context,
                           MHD_ConnectionNotificationCode what);
  static MHD_Result OnRequest(void* engine, MHD_Connection* connection, const char* url,
                              const char* method, const char* version, const char* upload,
                              size_t* upload_size, void** exchange);
  static ssize_t OnRead(void* pair, uint64_t position, char* buffer, size_t size);
  static void OnEnd(void* engine, MHD_Connection* connection, void** exchange,
                    MHD_RequestTerminationCode why);

  std::optional<HttpAnswer> RefuseEarly(MHD_Connection* connection, const char* method,
                                        const HttpRequest& request) const;
  MHD_Result Send(Exchange* exchange);
  ssize_t Read(Exchange* exchange, char* buffer, size_t size);
  // False: the server ends.
  bool Suspend(Exchange* exchange, Clock::Time until) ABSL_LOCKS_EXCLUDED(mu_);
  void Resume(Exchange* exchange) ABSL_LOCKS_EXCLUDED(mu_);
  void Count(int more) ABSL_LOCKS_EXCLUDED(mu_);
  void Work() ABSL_LOCKS_EXCLUDED(mu_);
  void WorkOn(Exchange* exchange) ABSL_LOCKS_EXCLUDED(mu_);
  // Null: the server ends.
  Exchange* NextJob() ABSL_LOCKS_EXCLUDED(mu_);

  const HttpServerOptions options_;
  ConnectionBook book_;
  Mutex mu_;
  CondVar changed_;
  std::multimap<Clock::Time, Exchange*> jobs_ ABSL_GUARDED_BY(mu_);  // by when they are due
  std::set<Exchange*> suspended_ ABSL_GUARDED_BY(mu_);
  int exchanges_ ABSL_GUARDED_BY(mu_) = 0;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  MHD_Daemon* daemon_ = nullptr;
  std::vector<std::thread> threads_;
  std::unique_ptr<Listener> listener_;
};

HttpServer::Engine::Engine(ListeningSocket socket, HttpServerOptions options)
    : options_(std::move(options)),
      book_({options_.connections_max, options_.streams_max, options_.answer_time}) {
  // The book bounds the connections, the library's own limit is never reached.
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_NO_LISTEN_SOCKET |
          MHD_ALLOW_SUSPEND_RESUME,
      0, nullptr, nullptr, &OnRequest, this, MHD_OPTION_NOTIFY_COMPLETED, &OnEnd, this,
      MHD_OPTION_NOTIFY_CONNECTION, &OnConnection, this, MHD_OPTION_CONNECTION_LIMIT,
      static_cast<unsigned>(4 * options_.connections_max), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      HttpServerOptions::kConnectionBytesMax, MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned>(options_.stalled_time.count()), MHD_OPTION_STRICT_FOR_CLIENT, 1,
      MHD_OPTION_END);
  PMOE_CHECK(daemon_ != nullptr);
  for (int i = 0; i < options_.answer_threads; ++i) threads_.emplace_back([this] { Work(); });
  ListenerOptions listener;
  listener.thread_name = options_.thread_name;
  listener.where = options_.where;
  listener.fds_max = HttpDescriptorsMax;
  listener.take = [this](int fd) {
    sockaddr nobody{};
    book_.Expect();
    MHD_add_connection(daemon_, fd, &nobody, sizeof(nobody));  // closes it if it cannot
    book_.AwaitRoom();
  };
  listener.tick = [this] { book_.CutLate(); };
  listener_ = std::make_unique<Listener>(std::move(socket), std::move(listener));
}

HttpServer::Engine::~Engine() {
  listener_.reset();
  {
    MutexLock lock(&mu_);
    over_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  {
    // The library wants none suspended at its end.
    MutexLock lock(&mu_);
    for (Exchange* exchange : suspended_) MHD_resume_connection(exchange->connection);
    suspended_.clear();
    const Clock::Time until = Clock::Real()->Now() + kEndIn;
    while (exchanges_ > 0 && changed_.WaitUntil(&mu_, until)) {
    }
  }
  MHD_stop_daemon(daemon_);
}

void HttpServer::Engine::OnConnection(void* engine, MHD_Connection* connection, void** /*context*/,
                                      MHD_ConnectionNotificationCode what) {
  auto* const self = static_cast<Engine*>(engine);
  if (what == MHD_CONNECTION_NOTIFY_CLOSED) return self->book_.Remove(connection);
  NameThread(self->options_.thread_name);
  const MHD_ConnectionInfo* const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  self->book_.Add(connection, info->connect_fd);
}

std::optional<HttpAnswer> HttpServer::Engine::RefuseEarly(MHD_Connection* connection,
                                                          const char* method,
                                                          const HttpRequest& request) const {
  if (options_.refuse != nullptr) {
    std::optional<HttpAnswer> refusal = options_.refuse(request);
    if (refusal.has_value()) return refusal;
  }
  if (std::strcmp(method, "GET") != 0 && std::strcmp(method, "HEAD") != 0) {
    HttpAnswer refusal = Refusal(kForbiddenMethod, "only GET and HEAD are answered");
    refusal.headers.emplace_back("Allow", "GET, HEAD");
    return refusal;
  }
  if (HasBody(connection)) return Refusal(kTooLarge, "no request has a body here");
  return std::nullopt;
}

// Called when the headers are there, when the whole request is, and again when it was resumed.
MHD_Result HttpServer::Engine::OnRequest(void* engine, MHD_Connection* connection, const char* url,
                                         const char* method, const char* /*version*/,
                                         const char* /*upload*/, size_t* upload_size,
                                         void** context) {
  auto* const self = static_cast<Engine*>(engine);
  auto* exchange = static_cast<Exchange*>(*context);
  if (exchange == nullptr) {
    exchange = new Exchange{connection, Parse(connection, url), std::nullopt, {}};
    *context = exchange;  // deleted by OnEnd
    self->Count(1);
    exchange->answer = self->RefuseEarly(connection, method, exchange->request);
    return exchange->answer.has_value() ? self->Send(exchange) : MHD_YES;
  }
  if (*upload_size != 0) return MHD_NO;
  if (exchange->answer.has_value()) return self->Send(exchange);
  return self->Suspend(exchange, Clock::Time::min()) ? MHD_YES : MHD_NO;
}

MHD_Result HttpServer::Engine::Send(Exchange* exchange) {
  HttpAnswer& answer = *exchange->answer;
  if (answer.more != nullptr && !book_.MakeStream(exchange->connection)) {
    answer =
        Refusal(kBusy, absl::StrCat(options_.streams_max, " pages are open already; close one"));
  }
  if (answer.lasting_body.empty()) answer.lasting_body = answer.body;
  MHD_Response* response = nullptr;
  if (answer.more != nullptr) {
    exchange->news = std::move(answer.body);
    auto* const pair = new std::pair<Engine*, Exchange*>(this, exchange);
    response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, kBlock, &OnRead, pair,
        [](void* done) { delete static_cast<std::pair<Engine*, Exchange*>*>(done); });
  } else {
    // The library does not write to it.
    response = MHD_create_response_from_buffer(answer.lasting_body.size(),
                                               const_cast<char*>(answer.lasting_body.data()),
                                               MHD_RESPMEM_PERSISTENT);
  }
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, "Connection", "close");
  MHD_add_response_header(response, "Content-Type", answer.type.c_str());
  AddHeaders(options_.headers, response);
  AddHeaders(answer.headers, response);
  const MHD_Result queued =
      MHD_queue_response(exchange->connection, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
  return queued;
}

ssize_t HttpServer::Engine::OnRead(void* pair, uint64_t /*position*/, char* buffer, size_t size) {
  const auto& [self, exchange] = *static_cast<std::pair<Engine*, Exchange*>*>(pair);
  return self->Read(exchange, buffer, size);
}

ssize_t HttpServer::Engine::Read(Exchange* exchange, char* buffer, size_t size) {
  if (exchange->left) return MHD_CONTENT_READER_END_OF_STREAM;
  const size_t count = std::min(size, exchange->news.size() - exchange->sent);
  if (count > 0) {
    std::memcpy(buffer, exchange->news.data() + exchange->sent, count);
    exchange->sent += count;
    return static_cast<ssize_t>(count);
  }
  return Suspend(exchange, exchange->next_news) ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
}

void HttpServer::Engine::OnEnd(void* engine, MHD_Connection* /*connection*/, void** exchange,
                               MHD_RequestTerminationCode /*why*/) {
  if (*exchange == nullptr) return;
  delete static_cast<Exchange*>(*exchange);
  *exchange = nullptr;
  static_cast<Engine*>(engine)->Count(-1);
}

void HttpServer::Engine::Count(int more) {
  MutexLock lock(&mu_);
  exchanges_ += more;
  if (over_) changed_.NotifyAll();
}

bool HttpServer::Engine::Suspend(Exchange* exchange, Clock::Time until) {
  MutexLock lock(&mu_);
  if (over_) return false;
  MHD_suspend_connection(exchange->connection);
  suspended_.insert(exchange);
  jobs_.emplace(until, exchange);
  changed_.NotifyAll();
  return true;
}

void HttpServer::Engine::Resume(Exchange* exchange) {
  MutexLock lock(&mu_);
  suspended_.erase(exchange);
  MHD_resume_connection(exchange->connection);
}

HttpServer::Engine::Exchange* HttpServer::Engine::NextJob() {
  MutexLock lock(&mu_);
  for (;;) {
    if (over_) return nullptr;
    const Clock::Time due = jobs_.empty() ? Clock::Time::max() : jobs_.begin()->first;
    if (due <= Clock::Real()->Now()) break;
    changed_.WaitUntil(&mu_, due);
  }
  Exchange* const exchange = jobs_.begin()->second;
  jobs_.erase(jobs_.begin());
  return exchange;
}

void HttpServer::Engine::Work() {
  NameThread(options_.thread_name);
  while (Exchange* exchange = NextJob()) WorkOn(exchange);
}

void HttpServer::Engine::WorkOn(Exchange* exchange) {
  if (!exchange->answer.has_value()) {
    exchange->answer = options_.answer(exchange->request);
    return Resume(exchange);
  }
  exchange->left = book_.HasLeft(exchange->connection);
  exchange->next_news = Clock::Real()->Now() + kNewsEvery;
  if (!exchange->left) {
    exchange->news = exchange->answer->more();
    exchange->sent = 0;
  }
  if (exchange->left || !exchange->news.empty()) return Resume(exchange);
  MutexLock lock(&mu_);
  jobs_.emplace(exchange->next_news, exchange);
  changed_.NotifyAll();
}

HttpServer::HttpServer(ListeningSocket socket, HttpServerOptions options)
    : engine_(std::make_unique<Engine>(std::move(socket), std::move(options))) {}

HttpServer::~HttpServer() = default;

}  // namespace pmoe
