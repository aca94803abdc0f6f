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
      if (!history_.has_value()) history_.emplace(reader_.columns());
      history_->Add(row);
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
    lines_.push_back(std::exchange(line_, ""));
    ++lines_read_;
    if (lines_.size() > kLinesMax) lines_.pop_front();
  }
}

}  // namespace pmoe
