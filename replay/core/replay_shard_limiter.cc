// What holds the callers of a ReplayShard back, and how it is changed while they wait.
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/replay_shard.h"

namespace pmoe {
namespace {

std::string WhyNoLimiter(const ReplayShardOptions& options) {
  if (options.table.fifo.has_value()) {
    return "its rollouts are taken once, and schedule.max_lag holds actors back";
  }
  if (options.gate.granted_inserts) {
    return "with replay.shards above 1 the learner limits, by its configuration";
  }
  return "in lockstep the rounds decide who waits";
}

}  // namespace

absl::StatusOr<LimiterState> ReplayShard::SetLimiter(const LimiterChange& change,
                                                     absl::string_view who) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  RateLimiter* const limiter = gate_.limiter();
  if (limiter == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("this shard has no limiter to change: ", WhyNoLimiter(options_)));
  }
  ReplayShardOptions wanted = options_;
  wanted.gate.limiter = change.ApplyTo(limiter->options());
  PMOE_RETURN_IF_ERROR(wanted.Validate());
  if (change.changes_settings()) limiter->Change(*wanted.gate.limiter);
  if (change.paused.has_value())
    *change.paused ? limiter->Pause(std::string(who)) : limiter->Resume();
  WakeBoth();
  return LimiterState{limiter->options(), limiter->paused(), ExplainLocked()};
}

void ReplayShard::ResetLimiter() {
  MutexLock lock(&mu_);
  RateLimiter* const limiter = gate_.limiter();
  if (limiter == nullptr) return;
  const bool as_made = limiter->options() == *options_.gate.limiter;
  if (!as_made) limiter->Change(*options_.gate.limiter);
  limiter->Resume();
  WakeBoth();
}

void ReplayShard::WakeBoth() {
  gate_.Wake(Gate::kInserts);
  gate_.Wake(Gate::kSamples);
}

bool ReplayShard::LacksRows() const {
  if (!gate_.limits_samples() || !gate_.AnybodyWaits(Gate::kSamples)) return false;
  return gate_.MaySample(gate_.LeastRows(Gate::kSamples)) &&
         !state_.table.selector().CanSelect({.rows = gate_.LeastChosen(Gate::kSamples)});
}

std::string ReplayShard::Explain() const {
  MutexLock lock(&mu_);
  return ExplainLocked();
}

std::string ReplayShard::ExplainLocked() const {
  const Selector& selector = state_.table.selector();
  const std::string inserts = selector.ExplainInsert();
  if (inserts.empty()) {
    const SelectRequest wanted{.rows = gate_.LeastChosen(Gate::kSamples)};
    const std::string rows = LacksRows() ? selector.ExplainSelect(wanted) : "";
    return rows.empty() ? gate_.Explain()
                        : absl::StrCat("samples wait for rows: ", rows, "; ", gate_.Explain());
  }
  std::string text;
  if (gate_.AnybodyWaits(Gate::kSamples)) text = selector.ExplainSelect(awaited_);
  if (gate_.AnybodyWaits(Gate::kInserts)) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", "inserts are blocked: ", inserts);
  }
  return text.empty() ? absl::StrCat("neither side is blocked: ", inserts) : text;
}

}  // namespace pmoe
