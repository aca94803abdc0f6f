// How far a run is, for people: one line that redraws itself on a terminal, a plain line now and
// then elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/log.h"

namespace pmoe {

struct ProgressState {
  int64_t env_steps = 0;
  int64_t total_steps = 0;
  double elapsed_s = 0;        // of this process
  double env_steps_per_s = 0;  // lately
  double updates_per_s = 0;
  std::optional<double> eval_return;  // of the last evaluation
  std::string more;                   // said after the time that is left
};

// "12,000/1,000,000 1.2 %  ETA 3 h 05 min  123 env steps/s  123 updates/s  eval 4,321.0"; "ETA ?"
// without a rate. `label` opens the line. Cut to `width` columns; 0: no limit.
std::string FormatProgress(absl::string_view label, const ProgressState& state, int width);

struct ProgressOptions {
  std::string label;  // "HalfCheetah-v5 pmoe_sac seed 1"
  Logger* log = &Logger::OfProcess();
  int width = 0;                     // columns; 0: asks the terminal at every redraw
  int64_t plain_every_steps = 1000;  // a line where there is no terminal
  // Fills in what takes its time to know; asked for each line that is shown. Empty: nothing does.
  std::function<void(ProgressState*)> complete{};
};

// Owns nothing. Thread-compatible.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(ProgressOptions options) : options_(std::move(options)) {}

  // Call as often as you like; it decides when to print.
  void Update(const ProgressState& state);
  // Leaves the last state on a line of its own. Update may follow.
  void Finish();

 private:
  void Draw(ProgressState state);

  ProgressOptions options_;
  std::optional<ProgressState> last_;
  std::optional<double> drawn_at_s_;
  int64_t plain_interval_ = -1;  // that the last line or the start fell in; -1: not started
  bool printed_last_ = false;    // last_ is on screen
};

}  // namespace pmoe
