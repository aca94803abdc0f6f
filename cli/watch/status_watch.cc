#include "cli/watch/status_watch.h"

#include <atomic>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/watch/ask_learner.h"
#include "cli/watch/live_screen.h"
#include "cli/watch/status_screen.h"
#include "cli/watch/still_run.h"
#include "cli/watch/styled_text.h"
#include "common/base/clock.h"
#include "common/base/interrupt.h"
#include "common/base/log.h"
#include "common/base/stopwatch.h"
#include "control/wire/status_json.h"

namespace pmoe {
namespace {

constexpr double kLookAgain_s = 5.0;  // at the folder of a run whose learner is away

std::string TimeText() { return absl::FormatTime("%H:%M:%S", absl::Now(), absl::LocalTimeZone()); }

// What is shown: the last status that came, or why none comes.
class StatusView {
 public:
  explicit StatusView(const StatusWatchOptions& options)
      : options_(options), screen_(stdout, options.color) {}

  void Show(const RunStatus& status) {
    away_since_.clear();
    still_.clear();
    last_ = status;
    if (options_.json) return PrintLine(StatusJson(status));
    Draw({});
  }
  void ShowAway(const std::string& address, const absl::Status& why) {
    if (away_since_.empty()) away_since_ = TimeText();
    LookAtFolder();
    const std::string text = absl::StrCat("no learner answers at ", address, " since ", away_since_,
                                          ": ", std::string(why.message()));
    if (options_.json) {
      if (still_.empty()) Log(LogLevel::kWarning, text);
      return;
    }
    if (still_.empty()) return Draw({{TimeText() + " " + text, Tone::kBad}});
    StyledLine lines;
    for (const absl::string_view line : absl::StrSplit(still_, '\n', absl::SkipEmpty())) {
      lines.push_back({std::string(line), Tone::kWarning});
    }
    lines.push_back(
        {absl::StrCat("since ", away_since_, "; shown again once it goes on"), Tone::kFaint});
    Draw(lines);
  }
  // The learner says so and then ends.
  bool over() const { return last_.state() == "finished" && !away_since_.empty(); }

 private:
  // Whether the run has stopped, or its learner is only away; now and then.
  void LookAtFolder() {
    if (options_.directory.empty() || (looked_ && since_look_.Elapsed() < kLookAgain_s)) return;
    looked_ = true;
    since_look_.Lap();
    const absl::StatusOr<StillRun> run = LookAtStillRun(options_.directory);
    const bool stopped = run.ok() && !run->is_training();
    if (stopped && still_.empty() && options_.json) PrintLine(run->Json());
    still_ = stopped ? run->Text() : "";
  }
  static void PrintLine(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
  // first: paragraphs above what was known last.
  void Draw(const StyledLine& first) {
    ScreenSize size = {kNoLimit, kNoLimit};
    if (screen_.is_terminal()) size = screen_.size();
    std::vector<StyledLine> lines;
    for (const Span& paragraph : first) {
      for (StyledLine& line : WrapText(paragraph.text, paragraph.tone, size.columns - 1)) {
        lines.push_back(std::move(line));
      }
    }
    size.lines -= static_cast<int>(lines.size());
    if (!last_.run_id().empty()) {
      for (StyledLine& line : StatusScreen(last_, size, options_.sort)) {
        lines.push_back(std::move(line));
      }
    }
    screen_.Draw(lines);
  }

  const StatusWatchOptions& options_;
  LiveScreen screen_;
  RunStatus last_;          // that was answered
  std::string away_since_;  // empty: it answers
  std::string still_;       // where the run stopped; empty: it has not
  bool looked_ = false;
  Stopwatch since_look_;
};

}  // namespace

int WatchStatus(const StatusWatchOptions& options, LearnerTarget target) {
  auto stub = StubOf(target);
  StatusView view(options);
  const std::atomic<bool>& interrupted = InstallInterruptHandler("", /*grace_s=*/0);
  while (!interrupted && !view.over()) {
    const auto next = Clock::Real()->Now() + kWatchEvery;
    const absl::StatusOr<RunStatus> status = AskStatus(stub.get());
    if (IsRefusal(status.status())) return ReportNoAnswer(target, status.status());
    if (status.ok()) {
      view.Show(*status);
    } else {
      view.ShowAway(target.address.Text(), status.status());
      absl::StatusOr<LearnerTarget> now = options.find();
      if (now.ok() && now->address.Text() != target.address.Text()) {
        target = *std::move(now);
        stub = StubOf(target);
      }
    }
    while (!interrupted && !view.over() && Clock::Real()->Now() < next) {
      Clock::Real()->Sleep(kNap);
    }
  }
  return 0;
}

}  // namespace pmoe
