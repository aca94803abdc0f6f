#include "dashboard/site.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "dashboard/embedded_files.h"
#include "dashboard/json.h"
#include "dashboard/run_details.h"
#include "dashboard/video_answer.h"

namespace pmoe {
namespace {

constexpr int kAnswerThreads = 4;
constexpr int kBeatEvery = 10;  // looks without news, then a comment shows whether it lives
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr int kSeeOther = 303, kBadRequest = 400, kUnauthorized = 401, kForbidden = 403,
              kNotFound = 404;
constexpr char kNoRun[] = "no such run; /api/runs lists them";

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

HttpAnswer Json(std::string text) {
  HttpAnswer answer;
  answer.type = "application/json; charset=utf-8";
  answer.body = std::move(text);
  return answer;
}

// The first kRunsPerViewer.
std::vector<std::string> AskedFor(const HttpRequest& request) {
  std::vector<std::string> runs;
  for (const auto& [name, value] : request.parameters) {
    if (name == "run" && runs.size() < Dashboard::kRunsPerViewer) runs.push_back(value);
  }
  return runs;
}

uint64_t NumberOr0(const std::string& text) {
  uint64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

}  // namespace

Dashboard::Site::Site(const DashboardOptions& options, Access access, ListeningSocket socket,
                      std::string where)
    : access_(std::move(access)),
      own_(options.own),
      catalog_(options.folders),
      watches_(&catalog_, options.live),
      own_run_(options.own, &catalog_, &watches_) {
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
  server.streams_max = kPages;
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
  if (request.path == "/api/summaries") {
    return Json(summaries_.Json(catalog_.List(), AskedFor(request)));
  }
  if (request.path == "/api/run") return Details(request);
  if (request.path == "/api/differences") return Differences(request);
  if (request.path == "/api/video") return Video(request);
  if (request.path == "/api/actors") return Actors(request);
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
  return Json(RunsJson(catalog_.List(), own_.empty() ? "" : catalog_.IdOf(own_)));
}

HttpAnswer Dashboard::Site::Details(const HttpRequest& request) {
  const std::optional<RunEntry> run = catalog_.Find(request.Parameter("run"));
  return run.has_value() ? Json(DetailsJson(*run)) : Say(kNotFound, kNoRun);
}

HttpAnswer Dashboard::Site::Differences(const HttpRequest& request) {
  std::vector<RunEntry> runs;
  for (const std::string& id : AskedFor(request)) {
    if (std::optional<RunEntry> run = catalog_.Find(id)) runs.push_back(*std::move(run));
  }
  return Json(DifferencesJson(runs));
}

HttpAnswer Dashboard::Site::Video(const HttpRequest& request) {
  const std::optional<RunEntry> run = catalog_.Find(request.Parameter("run"));
  if (!run.has_value()) return Say(kNotFound, kNoRun);
  return VideoAnswer(run->path, request.Parameter("name"), request.range);
}

HttpAnswer Dashboard::Site::Actors(const HttpRequest& request) {
  const auto value = ActorHistory::ValueNamed(request.Parameter("value"));
  if (!value.has_value()) {
    return Say(kBadRequest, "value must be steps_per_s, behind or blocked");
  }
  const std::shared_ptr<RunWatch> run = watches_.Watch(request.Parameter("run"));
  if (run == nullptr) return Say(kNotFound, kNoRun);
  return Json(run->Actors(*value, NumberOr0(request.Parameter("merges")),
                          NumberOr0(request.Parameter("from"))));
}

HttpAnswer Dashboard::Site::Events(const HttpRequest& request) {
  std::vector<std::shared_ptr<RunWatch>> runs;
  for (const std::string& id : AskedFor(request)) {
    if (auto watch = watches_.Watch(id)) runs.push_back(std::move(watch));
  }
  if (runs.empty()) return Say(kNotFound, kNoRun);
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
