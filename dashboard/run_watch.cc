#include "dashboard/run_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dashboard/json.h"
#include "dashboard/status_text.h"

namespace pmoe {
namespace {

constexpr double kRefreshEvery_s = 0.5;

}  // namespace

RunWatch::RunWatch(std::string id, const std::string& directory, LiveStatus live)
    : id_(std::move(id)),
      directory_(directory),
      live_(std::move(live)),
      metrics_(directory + "/metrics.csv"),
      log_(directory + "/log.txt") {}

std::string RunWatch::News(RunCursor* cursor) {
  Refresh();
  MutexLock lock(&mu_);
  return absl::StrCat(HistoryNews(cursor), LogNews(cursor), MarkNews(cursor), StatusNews(cursor));
}

// The live state may have to come from another process: it is asked for without the lock, by one
// thread at a time, and the others show what was known.
void RunWatch::Refresh() {
  {
    MutexLock lock(&mu_);
    const bool fresh = since_refresh_.has_value() && since_refresh_->Elapsed() < kRefreshEvery_s;
    if (fresh || asking_) return;
    since_refresh_.emplace();
    metrics_.Read();
    log_.Read();
    if (live_ == nullptr) return;
    asking_ = true;
  }
  std::optional<RunStatus> status = live_(directory_);
  MutexLock lock(&mu_);
  asking_ = false;
  if (!status.has_value() && !status_.has_value()) return;
  if (status.has_value()) actors_.Add(*status, clock_.Elapsed());
  status_ = std::move(status);
  status_text_.clear();
  ++status_changes_;
}

std::string RunWatch::Actors(ActorHistory::Value value, uint64_t merges, size_t from) {
  Refresh();
  MutexLock lock(&mu_);
  const bool goes_on = merges == actors_.merges() && from <= actors_.times();
  return actors_.Json(value, goes_on ? from : 0);
}

std::string RunWatch::HistoryNews(RunCursor* cursor) const {
  const History* const history = metrics_.history();
  const uint64_t rows = history == nullptr ? 0 : history->rows();
  const bool same_reading = cursor->reading == metrics_.reading();
  if (same_reading && cursor->rows == rows) return "";
  cursor->reading = metrics_.reading();
  cursor->rows = rows;
  if (history == nullptr) return Event("history", R"({"from":0,"columns":{},"latest":{}})");
  const bool goes_on = same_reading && cursor->merges == history->merges();
  const size_t from = goes_on ? cursor->points : 0;
  cursor->merges = history->merges();
  cursor->points = history->complete_points();
  return Event("history", HistoryJson(*history, from));
}

std::string RunWatch::LogNews(RunCursor* cursor) const {
  const bool reset = cursor->log_reading != log_.reading();
  if (!reset && cursor->lines == log_.lines_read()) return "";
  const uint64_t missing = log_.lines_read() - (reset ? 0 : cursor->lines);
  cursor->log_reading = log_.reading();
  cursor->lines = log_.lines_read();
  const size_t count = std::min<uint64_t>(missing, log_.lines().size());
  std::string lines;
  for (size_t i = log_.lines().size() - count; i < log_.lines().size(); ++i) {
    absl::StrAppend(&lines, lines.empty() ? "" : ",", JsonText(log_.lines()[i]));
  }
  return Event("log",
               absl::StrCat("{\"reset\":", reset ? "true" : "false", ",\"lines\":[", lines, "]}"));
}

std::string RunWatch::MarkNews(RunCursor* cursor) const {
  if (cursor->mark_changes == log_.marks().changes()) return "";
  cursor->mark_changes = log_.marks().changes();
  return Event("marks", log_.marks().Json());
}

std::string RunWatch::StatusNews(RunCursor* cursor) {
  if (cursor->status_changes == status_changes_) return "";
  cursor->status_changes = status_changes_;
  if (status_text_.empty()) status_text_ = status_.has_value() ? PageStatusJson(*status_) : "null";
  return Event("status", status_text_);
}

// JSON text has no line breaks, so that one data line holds it.
std::string RunWatch::Event(absl::string_view name, absl::string_view value) const {
  return absl::StrCat("event: ", name, "\ndata: {\"run\":", JsonText(id_), ",\"value\":", value,
                      "}\n\n");
}

}  // namespace pmoe
