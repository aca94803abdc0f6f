#include "dashboard/run_summary.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "dashboard/json.h"

namespace pmoe {
namespace {

void Keep(std::optional<double> value, std::optional<double>* newest) {
  if (value.has_value()) *newest = value;
}

void Append(const char* name, const std::optional<double>& value, std::string* text) {
  if (!value.has_value()) return;
  absl::StrAppend(text, text->back() == '{' ? "\"" : ",\"", name, "\":");
  AppendJsonNumber(*value, /*exact=*/true, text);
}

std::string SummaryJson(const RunSummary& summary) {
  std::string text = "{";
  Append("env_steps", summary.env_steps, &text);
  Append("updates", summary.updates, &text);
  Append("last_return", summary.last_return, &text);
  Append("best_return", summary.best_return, &text);
  Append("wall_s", summary.wall_s, &text);
  Append("cpu_s", summary.cpu_s, &text);
  Append("gpu_s", summary.gpu_s, &text);
  Append("target_env_steps", summary.target_env_steps, &text);
  Append("target_wall_s", summary.target_wall_s, &text);
  Append("target_cpu_s", summary.target_cpu_s, &text);
  Append("target_gpu_s", summary.target_gpu_s, &text);
  return text + "}";
}

}  // namespace

SummaryReader::Taken SummaryReader::Read(size_t bytes) {
  Taken taken;
  while (taken.bytes < bytes) {
    const absl::StatusOr<TailFile::News> news = file_.Read();
    taken.all = !news.ok() || news->bytes.empty();
    if (!news.ok()) break;
    if (news->restarted) BeginAnew();
    if (taken.all) break;
    taken.bytes += news->bytes.size();
    reader_.Feed(news->bytes, [this](absl::Span<const double> row) { OnRow(row); });
  }
  return taken;
}

void SummaryReader::BeginAnew() {
  reader_ = CsvReader();
  totals_.reset();
  index_.clear();
  summary_ = {};
}

void SummaryReader::OnRow(absl::Span<const double> row) {
  if (!totals_.has_value()) {
    totals_.emplace(reader_.columns());
    for (size_t i = 0; i < reader_.columns().size(); ++i) index_.emplace(reader_.columns()[i], i);
  }
  row_.assign(row.begin(), row.end());
  totals_->Apply(&row_);
  Keep(Cell("env_steps"), &summary_.env_steps);
  Keep(Cell("updates"), &summary_.updates);
  Keep(Cell("wall_s"), &summary_.wall_s);
  summary_.cpu_s = totals_->Known("cpu_s");
  summary_.gpu_s = totals_->Known("gpu_s");
  const std::optional<double> evaluated = Cell("eval_return_mean");
  if (!evaluated.has_value()) return;
  summary_.last_return = evaluated;
  summary_.best_return = std::max(*evaluated, summary_.best_return.value_or(*evaluated));
  const bool reached = target_.has_value() && *evaluated >= *target_;
  if (!reached || summary_.target_env_steps.has_value()) return;
  summary_.target_env_steps = summary_.env_steps;
  summary_.target_wall_s = summary_.wall_s;
  summary_.target_cpu_s = summary_.cpu_s;
  summary_.target_gpu_s = summary_.gpu_s;
}

std::optional<double> SummaryReader::Cell(const std::string& column) const {
  const auto at = index_.find(column);
  if (at == index_.end() || std::isnan(row_[at->second])) return std::nullopt;
  return row_[at->second];
}

SummaryReader* SummaryBook::ReaderOf(const RunEntry& run) {
  const auto at = readers_.find(run.path);
  // A run can be resumed with another aim: what was read says nothing of it.
  if (at != readers_.end() && at->second.target() != run.facts.target_return) readers_.erase(at);
  return &readers_.try_emplace(run.path, run.path + "/metrics.csv", run.facts.target_return)
              .first->second;
}

std::string SummaryBook::Json(const std::vector<RunEntry>& runs,
                              const std::vector<std::string>& asked) {
  MutexLock lock(&mu_);
  std::set<std::string> here;
  for (const RunEntry& run : runs) here.insert(run.path);
  std::erase_if(readers_, [&](const auto& reader) { return !here.contains(reader.first); });
  size_t left = kBytesPerAnswer;
  size_t pending = 0;
  std::string text;
  for (const RunEntry& run : runs) {
    if (!asked.empty() && std::find(asked.begin(), asked.end(), run.id) == asked.end()) continue;
    SummaryReader& reader = *ReaderOf(run);
    const SummaryReader::Taken taken = reader.Read(left);
    left -= std::min(left, taken.bytes);
    if (!taken.all) ++pending;
    absl::StrAppend(&text, text.empty() ? "" : ",", JsonText(run.id), ":",
                    SummaryJson(reader.summary()));
  }
  return absl::StrCat("{\"pending\":", pending, ",\"runs\":{", text, "}}");
}

}  // namespace pmoe
