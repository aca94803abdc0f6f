#include "cli/watch/status_watch.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/watch/live_screen.h"
#include "cli/watch/status_screen.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/run/status_json.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kPoll(50);
constexpr std::chrono::seconds kEvery(1);

std::string TimeText() { return absl::FormatTime("%H:%M:%S", absl::Now(), absl::LocalTimeZone()); }

void Note(const absl::StatusOr<RunStatus>& answer, StatusView* view) {
  view->time = TimeText();
  if (answer.ok()) {
    view->status = *answer;
    view->away_since.clear();
  } else {
    if (view->away_since.empty()) view->away_since = view->time;
    view->error = std::string(answer.status().message());
  }
}

void PrintLine(const StatusView& view, const absl::StatusOr<RunStatus>& answer) {
  if (answer.ok()) {
    std::printf("%s\n", StatusJson(*answer).c_str());
    std::fflush(stdout);
    return;
  }
  Log(LogLevel::kWarning, "no learner answers at ", view.address, " since ", view.away_since, ": ",
      view.error);
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

// The learner says so and then ends.
bool IsOver(const StatusView& view) {
  return view.status.has_value() && view.status->state() == "finished" && !view.away_since.empty();
}

}  // namespace

absl::Status WatchStatus(const WatchOptions& options, const std::atomic<bool>& interrupted) {
  LiveScreen screen(stdout);
  StatusView view;
  while (!interrupted) {
    const auto next = Clock::Real()->Now() + kEvery;
    const absl::StatusOr<RunStatus> answer = options.ask();
    if (IsRefusal(answer.status())) return answer.status();
    view.address = options.address();
    Note(answer, &view);
    if (options.json) {
      PrintLine(view, answer);
    } else {
      screen.Draw(StatusScreen(view, screen.size()));
    }
    if (IsOver(view)) return absl::OkStatus();
    while (!interrupted && Clock::Real()->Now() < next) {
      Clock::Real()->Sleep(kPoll);
    }
  }
  return absl::OkStatus();
}

}  // namespace pmoe
