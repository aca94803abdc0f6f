#include "dashboard/site.h"

#include <utility>

#include "absl/strings/match.h"
#include "dashboard/embedded_files.h"
#include "dashboard/json.h"

namespace pmoe {
namespace {

constexpr int kAnswerThreads = 4;
constexpr int kBeatEvery = 10;  // looks without news, then a comment shows whether it lives
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr int kSeeOther = 303, kUnauthorized = 401, kForbidden = 403, kNotFound = 404;

std::string TypeOf(absl::string_view url) {
  if (absl::EndsWith(url, ".js")) return "application/javascript; charset=utf-8";
  if (absl::EndsWith(url, ".css")) return "text/css; charset=utf-8";
  if (absl::EndsWith(url, ".svg")) return "image/svg+xml; charset=utf-8";
  return "text/html; charset=utf-8";
}

HttpAnswer Say(int status, const std::string& text) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = text + "\n";
  return answer;
}

// Its runs that exist, at most kRunsPerViewer.
std::vector<std::shared_ptr<RunWatch>> AskedFor(const HttpRequest& request, WatchList* watches) {
  std::vector<std::shared_ptr<RunWatch>> runs;
  int asked = 0;
  for (const auto& [name, value] : request.parameters) {
    if (name != "run" || ++asked > Dashboard::kRunsPerViewer) continue;
    auto watch = watches->Watch(value);
    if (watch != nullptr) runs.push_back(std::move(watch));
  }
  return runs;
}

}  // namespace

Dashboard::Site::Site(const DashboardOptions& options, Access access, ListeningSocket socket,
                      std::string where)
    : access_(std::move(access)),
      own_(options.own),
      catalog_(options.folders),
      watches_(&catalog_, options.live) {
  HttpServerOptions server;
  server.thread_name = "dashboard";
  server.where = std::move(where);
  server.headers = {{"Content-Security-Policy", kPolicy},
                    {"X-Content-Type-Options", "nosniff"},
                    {"Referrer-Policy", "no-referrer"},
                    {"Cache-Control", "no-cache"}};
  server.refuse = [this](const HttpRequest& request) { return Refuse(request); };
  server.answer = [this](const HttpRequest& request) { return Answer(request); };
  server.answer_threads = kAnswerThreads;
  server_ = std::make_unique<HttpServer>(std::move(socket), std::move(server));
}

std::optional<HttpAnswer> Dashboard::Site::Refuse(const HttpRequest& request) const {
  if (!access_.HostAllowed(request.host)) {
    return Say(kForbidden, "this dashboard answers to localhost only");
  }
  const Credentials credentials = {request.host, request.authorization, request.cookie,
                                   request.Parameter("token")};
  if (!access_.Allowed(credentials)) {
    return Say(kUnauthorized,
               "a token is needed: open /?token=TOKEN with the one in the file that "
               "--dashboard-token names");
  }
  if (request.path != "/" || !access_.IsToken(credentials.query_token)) return std::nullopt;
  // From now on as a cookie, and no longer in the address line.
  HttpAnswer answer = Say(kSeeOther, "the page is at /");
  answer.headers = {{"Set-Cookie", access_.Cookie()}, {"Location", "/"}};
  return answer;
}

HttpAnswer Dashboard::Site::Answer(const HttpRequest& request) {
  if (request.path == "/api/runs") return Runs();
  if (request.path == "/api/events") return Events(request);
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (request.path != file.url) continue;
    HttpAnswer answer;
    answer.type = TypeOf(file.url);
    answer.lasting_body = file.bytes;
    return answer;
  }
  return Say(kNotFound, "nothing is here");
}

HttpAnswer Dashboard::Site::Runs() {
  HttpAnswer answer;
  answer.type = "application/json; charset=utf-8";
  answer.body = RunsJson(catalog_.List(), own_.empty() ? "" : catalog_.IdOf(own_));
  return answer;
}

HttpAnswer Dashboard::Site::Events(const HttpRequest& request) {
  std::vector<std::shared_ptr<RunWatch>> runs = AskedFor(request, &watches_);
  if (runs.empty()) return Say(kNotFound, "no such run; /api/runs lists them");
  HttpAnswer answer;
  answer.type = "text/event-stream";
  answer.headers = {{"X-Accel-Buffering", "no"}};
  answer.more = [viewer = std::make_shared<Viewer>(std::move(runs)), quiet = 0]() mutable {
    std::string news = viewer->News();
    if (news.empty() && ++quiet == kBeatEvery) news = ": still here\n\n";
    if (!news.empty()) quiet = 0;
    return news;
  };
  return answer;
}

}  // namespace pmoe
