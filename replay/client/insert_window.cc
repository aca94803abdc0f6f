#include "replay/client/insert_window.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace pmoe {

void InsertWindow::Push(EncodedChunk chunk) {
  PMOE_CHECK(chunk.seq == next_seq_);
  held_.push_back(std::move(chunk));
  ++next_seq_;
}

void InsertWindow::OnConnect() {
  resumed_ = false;
  draining_ = false;
  credits_ = 0;
}

absl::Status InsertWindow::OnReply(const InsertReply& reply) {
  const uint64_t acked = reply.next_seq();
  if (acked > next_seq_ || (resumed_ && acked > sent_)) {
    return absl::FailedPreconditionError(
        absl::StrCat("replay waits for chunk ", acked, ", but this writer has made ", next_seq_,
                     " and sent ", sent_,
                     ": the table is not of this run's history; resume both "
                     "from one checkpoint"));
  }
  if (!resumed_ && acked < first_seq_held()) {
    return absl::FailedPreconditionError(
        absl::StrCat("replay waits for chunk ", acked, ", but this writer holds its chunks from ",
                     first_seq_held(), " on; is the shard of another build?"));
  }
  if (!resumed_) {
    sent_ = acked;
    resumed_ = true;
  }
  const auto refused = [&reply](uint64_t seq) {
    return std::find(reply.refused().begin(), reply.refused().end(), seq) != reply.refused().end();
  };
  for (; !held_.empty() && first_seq_held() < acked; held_.pop_front()) {
    const bool is_in = !refused(first_seq_held());
    rows_acked_ += is_in ? held_.front().rows : 0;
    chunks_refused_ += is_in ? 0 : 1;
  }
  if (acked > acked_) acked_ = acked;
  credits_ = reply.credits();
  draining_ = draining_ || reply.draining();
  return absl::OkStatus();
}

bool InsertWindow::can_send() const {
  return resumed_ && !draining_ && sent_ < next_seq_ && sent_ < acked_ + credits_;
}

const EncodedChunk& InsertWindow::TakeNext() {
  PMOE_CHECK(can_send() && sent_ >= first_seq_held());
  return held_[sent_++ - first_seq_held()];
}

}  // namespace pmoe
