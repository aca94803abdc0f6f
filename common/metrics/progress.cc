#include "common/metrics/progress.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace pmoe {
namespace {

constexpr double kRedraw_s = 0.1;  // least time between redraws

// 1234567 -> "1,234,567".
std::string Grouped(int64_t value) {
  std::string digits = absl::StrCat(value);
  for (int i = static_cast<int>(digits.size()) - 3; i > (value < 0 ? 1 : 0); i -= 3) {
    digits.insert(static_cast<size_t>(i), ",");
  }
  return digits;
}

std::string Rate(double per_s) {
  return per_s < 100 ? absl::StrFormat("%.1f", per_s) : Grouped(std::llround(per_s));
}

std::string Duration(double seconds) {
  const int64_t s = std::llround(seconds);
  if (s < 60) return absl::StrFormat("%d s", s);
  if (s < 3600) return absl::StrFormat("%d min %02d s", s / 60, s % 60);
  if (s < 86400) return absl::StrFormat("%d h %02d min", s / 3600, s / 60 % 60);
  return absl::StrFormat("%d d %02d h", s / 86400, s / 3600 % 24);
}

std::string Remaining(const ProgressState& state) {
  const int64_t steps = std::max<int64_t>(state.total_steps - state.env_steps, 0);
  if (steps == 0) return absl::StrCat("done in ", Duration(state.elapsed_s));
  const double seconds = static_cast<double>(steps) / state.env_steps_per_s;
  // Also false for nan, which a rate of nan gives.
  return seconds < 1e9 ? absl::StrCat("ETA ", Duration(seconds)) : "ETA ?";
}

}  // namespace

std::string FormatProgress(absl::string_view label, const ProgressState& state, int width) {
  const double share = state.total_steps > 0 ? static_cast<double>(state.env_steps) /
                                                   static_cast<double>(state.total_steps)
                                             : 0;
  std::vector<std::string> parts;
  if (!label.empty()) parts.emplace_back(label);
  parts.push_back(absl::StrFormat("%s/%s %.1f %%", Grouped(state.env_steps),
                                  Grouped(state.total_steps), 100 * share));
  parts.push_back(Remaining(state));
  if (!state.more.empty()) parts.push_back(state.more);
  parts.push_back(absl::StrCat(Rate(state.env_steps_per_s), " env steps/s"));
  parts.push_back(absl::StrCat(Rate(state.updates_per_s), " updates/s"));
  if (state.eval_return) parts.push_back(absl::StrFormat("eval %.1f", *state.eval_return));
  std::string line = absl::StrJoin(parts, "  ");
  if (width > 0 && line.size() > static_cast<size_t>(width))
    line.resize(static_cast<size_t>(width));
  return line;
}

void ProgressPrinter::Update(const ProgressState& state) {
  last_ = state;
  printed_last_ = false;
  const bool done = state.env_steps >= state.total_steps;
  if (options_.log->terminal()) {
    if (drawn_at_s_ && !done && state.elapsed_s - *drawn_at_s_ < kRedraw_s) return;
    Draw(state);
    return;
  }
  const int64_t every = std::max<int64_t>(options_.plain_every_steps, 1);
  // The interval in which we start gets its line at its end, when there are rates to tell.
  if (plain_interval_ < 0) plain_interval_ = std::max<int64_t>(state.env_steps - 1, 0) / every;
  const int64_t interval = state.env_steps / every;
  if (interval == plain_interval_ && !done) return;
  plain_interval_ = interval;
  Draw(state);
}

void ProgressPrinter::Draw(ProgressState state) {
  if (options_.complete) options_.complete(&state);
  if (options_.log->terminal()) {
    // One column less: a character in the last one makes some terminals start a new line.
    const int width = options_.width > 0 ? options_.width : options_.log->columns();
    options_.log->DrawLive(FormatProgress(options_.label, state, std::max(width - 1, 1)));
  } else {
    options_.log->Print(FormatProgress(options_.label, state, 0));
  }
  drawn_at_s_ = state.elapsed_s;
  printed_last_ = true;
}

void ProgressPrinter::Finish() {
  if (last_ && !printed_last_) Draw(*last_);
  options_.log->KeepLive();
  last_.reset();
}

}  // namespace pmoe
