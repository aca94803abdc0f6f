#include "cli/watch/status_screen.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/watch/actor_table.h"
#include "cli/watch/run_lines.h"

namespace pmoe {
namespace {

constexpr size_t kFewActors = 8;    // whose own lines say as much as their states' would
constexpr int kLowScreen = 32;      // lines, below which each limiter has one
constexpr size_t kLimitersMax = 4;  // of many shards the first say enough

class Screen {
 public:
  explicit Screen(const ScreenSize& size) : size_(size) {}

  void Add(StyledLine line) { lines_.push_back(std::move(line)); }
  // Nothing for no text.
  void AddText(const std::string& text, Tone tone = Tone::kPlain) {
    for (StyledLine& line : WrapText(text, tone, size_.columns - 1)) Add(std::move(line));
  }
  // LiveScreen needs one line for itself.
  size_t room() const {
    const size_t height = static_cast<size_t>(std::max(size_.lines - 1, 0));
    return height > lines_.size() ? height - lines_.size() : 0;
  }
  std::vector<StyledLine> Take() { return std::move(lines_); }

 private:
  const ScreenSize size_;
  std::vector<StyledLine> lines_;
};

void AddTitle(const RunStatus& status, Screen* screen) {
  const bool running = status.state() == "running" || status.state() == "finished";
  screen->Add({{status.label() + "  ", Tone::kStrong},
               {status.mode() + ", "},
               {status.state(), running ? Tone::kGood : Tone::kWarning}});
  screen->AddText(status.verdict().text(), Tone::kStrong);
}

// Who waits for whom, in the shards' own words.
void AddLimiters(const RunStatus& status, bool low, Screen* screen) {
  size_t said = 0;
  for (const MemberStatus& member : status.members()) {
    if (member.role() != RUN_ROLE_REPLAY || member.table().limiter().empty()) continue;
    if (++said > kLimitersMax) return;
    const std::string text =
        absl::StrCat("replay ", member.index(), " limiter: ", member.table().limiter());
    if (low) {
      screen->Add({{text, Tone::kFaint}});
    } else {
      screen->AddText(text, Tone::kFaint);
    }
  }
}

void AddActors(const std::vector<ActorRow>& rows, Screen* screen) {
  // The last line tells how many have none.
  const size_t shown = rows.size() <= screen->room() ? rows.size()
                       : screen->room() == 0         ? 0
                                                     : screen->room() - 1;
  for (size_t i = 0; i < shown; ++i) screen->Add(ActorLine(rows[i]));
  if (shown == rows.size() || screen->room() == 0) return;
  screen->Add({{absl::StrCat("… and ", rows.size() - shown,
                             " more actors: --sort chooses which come first, --json has all"),
                Tone::kFaint}});
}

}  // namespace

std::vector<StyledLine> StatusScreen(const RunStatus& status, const ScreenSize& size,
                                     const std::string& sort) {
  Screen screen(size);
  AddTitle(status, &screen);
  screen.AddText(ProgressText(status));
  screen.AddText(LearnerTimeText(status));
  screen.AddText(AgesText(status));
  screen.AddText(LatenciesText(status));
  screen.AddText(CostText(status));
  screen.AddText(MachineText(status));
  screen.AddText(BuildsText(status), Tone::kWarning);
  screen.AddText(absl::StrCat("run ", status.run_id(), " in ", status.directory(),
                              ", learner epoch ", status.learner_epoch(), " (pid ",
                              status.process().pid(), " on ", status.process().host(), ")"),
                 Tone::kFaint);
  AddLimiters(status, size.lines < kLowScreen, &screen);
  const std::vector<ActorRow> actors = SortedActors(status, sort);
  if (actors.size() > kFewActors) {
    for (StyledLine& line : ActorStateLines(actors)) screen.Add(std::move(line));
  }
  screen.Add(MemberHeading());
  for (const MemberStatus& member : status.members()) {
    const bool other = member.role() == RUN_ROLE_REPLAY || member.role() == RUN_ROLE_EVALUATOR;
    if (other) screen.Add(OtherMemberLine(member));
  }
  AddActors(actors, &screen);
  return screen.Take();
}

}  // namespace pmoe
