#include "common/rpc/first_message.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/thread_name.h"
#include "common/metrics/rejections.h"
#include "common/rpc/peer_host.h"

namespace pmoe {

FirstMessages::FirstMessages(std::string door, FirstMessageOptions options)
    : door_(std::move(door)), options_(options), watch_([this] { Watch(); }) {}

FirstMessages::~FirstMessages() {
  {
    MutexLock lock(&mu_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  watch_.join();
}

FirstMessages::Place FirstMessages::Oldest() {
  return std::find_if(waiting_.begin(), waiting_.end(),
                      [](const Waiting& waiting) { return !waiting.cancelled; });
}

void FirstMessages::Cancel(Place place) {
  place->cancelled = true;
  place->context->TryCancel();
}

absl::StatusOr<FirstMessages::Place> FirstMessages::Enter(grpc::ServerContext* context) {
  bool full = false;
  {
    MutexLock lock(&mu_);
    // Those that were cancelled need a moment to go.
    full = waiting_.size() >= 2 * options_.waiting_max;
    if (!full) {
      if (waiting_.size() >= options_.waiting_max) {
        if (const Place oldest = Oldest(); oldest != waiting_.end()) Cancel(oldest);
      }
      waiting_.push_back({context, Clock::Real()->Now() + options_.deadline});
      changed_.NotifyAll();
      return std::prev(waiting_.end());
    }
  }
  const std::string text =
      absl::StrCat(options_.waiting_max, " streams have said nothing yet; try again");
  Rejections::OfProcess().Add(door_, "too_many", PeerHost(context->peer()), text);
  return absl::UnavailableError(text);
}

absl::Status FirstMessages::Leave(Place place, bool spoke) {
  grpc::ServerContext* const context = place->context;
  bool cancelled = false;
  {
    MutexLock lock(&mu_);
    cancelled = place->cancelled;
    waiting_.erase(place);
  }
  if (spoke && !cancelled) return absl::OkStatus();
  if (!cancelled) return absl::InvalidArgumentError("the stream ended without a first message");
  const std::string text = "the stream said nothing, and was ended";
  Rejections::OfProcess().Add(door_, "silent", PeerHost(context->peer()), text);
  return absl::DeadlineExceededError(text);
}

void FirstMessages::Watch() {
  NameThread("first-message");
  MutexLock lock(&mu_);
  while (!stopped_) {
    const Place oldest = Oldest();
    if (oldest == waiting_.end()) {
      changed_.Wait(&mu_);
    } else if (Clock::Real()->Now() >= oldest->deadline) {
      Cancel(oldest);
    } else {
      changed_.WaitUntil(&mu_, oldest->deadline);
    }
  }
}

}  // namespace pmoe
