#include "dashboard/site.h"

#include <sys/socket.h>

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/thread_name.h"
#include "dashboard/embedded_files.h"
#include "dashboard/json.h"
#include "dashboard/worker_pool.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kNewsEvery(1000);
constexpr int kBeatEvery = 10;      // looks without news, then a comment shows whether it lives
constexpr int kTimeout_s = 2;       // of each read and write of a connection
constexpr int kRequestThreads = 4;  // beside the viewers'
constexpr size_t kWaitingMax = 16;
constexpr size_t kBodyMax = 1024;
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr int kOk = 200, kSeeOther = 303, kUnauthorized = 401, kForbidden = 403, kNotFound = 404,
              kBusy = 503;

// With a charset the library does not compress it: on loopback that costs more than it saves.
std::string TypeOf(absl::string_view url) {
  if (absl::EndsWith(url, ".js")) return "application/javascript; charset=utf-8";
  if (absl::EndsWith(url, ".css")) return "text/css; charset=utf-8";
  if (absl::EndsWith(url, ".svg")) return "image/svg+xml; charset=utf-8";
  return "text/html; charset=utf-8";
}

void Answer(int status, const std::string& text, httplib::Response* response) {
  response->status = status;
  response->set_content(text + "\n", "text/plain; charset=utf-8");
}

// The library's default lets two processes listen on one port, each getting some of the visitors.
void OnlyReuseAddress(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

}  // namespace

Dashboard::Site::Site(const DashboardOptions& options, Access access)
    : access_(std::move(access)),
      own_(options.own),
      catalog_(options.folders),
      watches_(&catalog_, options.live) {
  server_.new_task_queue = [] {
    return new WorkerPool(kViewersMax + kRequestThreads, kWaitingMax);
  };
  server_.set_socket_options(OnlyReuseAddress);
  server_.set_tcp_nodelay(true);
  server_.set_read_timeout(kTimeout_s);
  server_.set_write_timeout(kTimeout_s);
  // A thread that waits for a connection's next request polls it a hundred times a second.
  server_.set_keep_alive_max_count(1);
  server_.set_payload_max_length(kBodyMax);
  server_.set_default_headers({{"Content-Security-Policy", kPolicy},
                               {"X-Content-Type-Options", "nosniff"},
                               {"Referrer-Policy", "no-referrer"},
                               {"Cache-Control", "no-cache"}});
  server_.set_pre_routing_handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        return Refuse(request, &response) ? httplib::Server::HandlerResponse::Handled
                                          : httplib::Server::HandlerResponse::Unhandled;
      });
  AddPages();
  AddRuns();
  AddEvents();
}

Dashboard::Site::~Site() {
  {
    MutexLock lock(&mu_);
    over_ = true;
    ended_.NotifyAll();
  }
  server_.stop();
  if (thread_.joinable()) thread_.join();
}

int Dashboard::Site::Bind(const std::string& host, int port) {
  if (port == 0) return server_.bind_to_any_port(host);
  return server_.bind_to_port(host, port) ? port : -1;
}

void Dashboard::Site::Serve() {
  thread_ = std::thread([this] {
    NameThread("dashboard");
    server_.listen_after_bind();
  });
  // A server that does not run yet cannot be stopped; it does within microseconds.
  while (!server_.is_running()) Clock::Real()->Sleep(std::chrono::milliseconds(1));
}

bool Dashboard::Site::Refuse(const httplib::Request& request, httplib::Response* response) const {
  if (!access_.HostAllowed(request.get_header_value("Host"))) {
    Answer(kForbidden, "this dashboard answers to localhost only", response);
    return true;
  }
  const Credentials credentials = {
      request.get_header_value("Host"), request.get_header_value("Authorization"),
      request.get_header_value("Cookie"), request.get_param_value("token")};
  if (!access_.Allowed(credentials)) {
    Answer(kUnauthorized,
           "a token is needed: open /?token=TOKEN with the one in the file that "
           "--dashboard-token names",
           response);
    return true;
  }
  if (request.path != "/" || !access_.IsToken(credentials.query_token)) return false;
  // From now on as a cookie, and no longer in the address line.
  response->set_header("Set-Cookie", access_.Cookie());
  response->set_redirect("/", kSeeOther);
  return true;
}

void Dashboard::Site::AddPages() {
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    std::string pattern;  // the URL, literally
    for (const char c : file.url)
      absl::StrAppend(&pattern, c == '.' ? "\\" : "", std::string(1, c));
    server_.Get(pattern, [&file](const httplib::Request&, httplib::Response& response) {
      response.set_content(file.bytes.data(), file.bytes.size(), TypeOf(file.url));
    });
  }
}

void Dashboard::Site::AddRuns() {
  server_.Get("/api/runs", [this](const httplib::Request&, httplib::Response& response) {
    const std::string own = own_.empty() ? "" : catalog_.IdOf(own_);
    response.set_content(RunsJson(catalog_.List(), own), "application/json; charset=utf-8");
  });
}

void Dashboard::Site::AddEvents() {
  server_.Get("/api/events", [this](const httplib::Request& request, httplib::Response& response) {
    std::vector<std::shared_ptr<RunWatch>> runs = AskedFor(request);
    if (runs.empty()) {
      Answer(kNotFound, "no such run; /api/runs lists them", &response);
    } else if (++viewers_ > kViewersMax) {
      --viewers_;
      Answer(kBusy, absl::StrCat(kViewersMax, " pages are open already; close one"), &response);
    } else {
      StartEvents(std::move(runs), &response);
    }
  });
}

std::vector<std::shared_ptr<RunWatch>> Dashboard::Site::AskedFor(const httplib::Request& request) {
  std::vector<std::shared_ptr<RunWatch>> runs;
  const size_t asked = std::min<size_t>(request.get_param_value_count("run"), kRunsPerViewer);
  for (size_t i = 0; i < asked; ++i) {
    auto watch = watches_.Watch(request.get_param_value("run", i));
    if (watch != nullptr) runs.push_back(std::move(watch));
  }
  return runs;
}

void Dashboard::Site::StartEvents(std::vector<std::shared_ptr<RunWatch>> runs,
                                  httplib::Response* response) {
  auto viewer = std::make_shared<Viewer>(std::move(runs));
  response->status = kOk;
  response->set_header("X-Accel-Buffering", "no");
  response->set_chunked_content_provider(
      "text/event-stream",
      [this, viewer, quiet = 0](size_t, httplib::DataSink& sink) mutable {
        std::string news = viewer->News();
        if (news.empty() && ++quiet == kBeatEvery) news = ": still here\n\n";
        if (!news.empty()) {
          quiet = 0;
          if (!sink.write(news.data(), news.size())) return false;
        }
        if (!AwaitEnd()) return true;
        sink.done();
        return true;
      },
      [this](bool) { --viewers_; });
}

bool Dashboard::Site::AwaitEnd() {
  const Clock::Time until = Clock::Real()->Now() + kNewsEvery;
  MutexLock lock(&mu_);
  while (!over_ && ended_.WaitUntil(&mu_, until)) {
  }
  return over_;
}

}  // namespace pmoe
