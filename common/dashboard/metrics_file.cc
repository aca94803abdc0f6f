#include "common/dashboard/metrics_file.h"

namespace pmoe {

void MetricsFile::Read() {
  for (;;) {
    const absl::StatusOr<TailFile::News> news = file_.Read();
    if (!news.ok()) return;
    if (news->restarted) {
      decoder_ = CsvReader();
      history_.reset();
      ++reading_;
    }
    if (news->bytes.empty()) return;
    decoder_.Feed(news->bytes, [this](absl::Span<const double> row) {
      if (!history_.has_value()) history_.emplace(decoder_.columns());
      history_->Add(row);
    });
  }
}

}  // namespace pmoe
