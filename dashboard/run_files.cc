#include "dashboard/run_files.h"

#include <utility>

namespace pmoe {

void MetricsFile::Read() {
  for (;;) {
    const absl::StatusOr<TailFile::News> news = file_.Read();
    if (!news.ok()) return;
    if (news->restarted) {
      reader_ = CsvReader();
      history_.reset();
      ++reading_;
    }
    if (news->bytes.empty()) return;
    reader_.Feed(news->bytes, [this](absl::Span<const double> row) {
      if (!history_.has_value()) {
        history_.emplace(reader_.columns());
        totals_.emplace(reader_.columns());
      }
      row_.assign(row.begin(), row.end());
      totals_->Apply(&row_);
      history_->Add(row_);
    });
  }
}

void LogFile::Read() {
  for (;;) {
    const absl::StatusOr<TailFile::News> news = file_.Read();
    if (!news.ok()) return;
    if (news->restarted) {
      lines_.clear();
      line_.clear();
      lines_read_ = 0;
      marks_.Clear();
      ++reading_;
    }
    if (news->bytes.empty()) return;
    Add(news->bytes);
  }
}

void LogFile::Add(absl::string_view bytes) {
  for (const char c : bytes) {
    if (c != '\n') {
      if (line_.size() < kLineBytesMax) line_.push_back(c);
      continue;
    }
    marks_.AddLine(line_);
    lines_.push_back(std::exchange(line_, ""));
    ++lines_read_;
    if (lines_.size() > kLinesMax) lines_.pop_front();
  }
}

}  // namespace pmoe
