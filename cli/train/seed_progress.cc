#include "cli/train/seed_progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pmoe {
namespace {

double ShareOf(const ProgressState& state) {
  return static_cast<double>(state.env_steps) /
         static_cast<double>(std::max<int64_t>(state.total_steps, 1));
}

}  // namespace

ProgressState SumOf(const std::vector<MemberView>& views, double elapsed_s) {
  ProgressState sum;
  sum.elapsed_s = elapsed_s;
  const MemberView* slowest = nullptr;
  int evaluated = 0, waiting = 0;
  double returns = 0.0;
  for (const MemberView& view : views) {
    const ProgressState& one = view.progress;
    sum.env_steps += one.env_steps;
    sum.total_steps += one.total_steps;
    if (one.eval_return.has_value()) {
      returns += *one.eval_return;
      ++evaluated;
    }
    waiting += view.state == MemberState::kWaiting ? 1 : 0;
    if (view.state != MemberState::kRunning) continue;
    sum.env_steps_per_s += one.env_steps_per_s;
    sum.updates_per_s += one.updates_per_s;
    if (slowest == nullptr || ShareOf(one) < ShareOf(slowest->progress)) slowest = &view;
  }
  if (evaluated > 0) sum.eval_return = returns / evaluated;
  if (slowest != nullptr) {
    sum.more = absl::StrFormat("slowest seed %d %.1f %%", slowest->seed,
                               100.0 * ShareOf(slowest->progress));
  }
  if (waiting > 0) absl::StrAppend(&sum.more, sum.more.empty() ? "" : ", ", waiting, " waiting");
  return sum;
}

}  // namespace pmoe
