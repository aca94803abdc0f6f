// What holds the callers of a ReplayShard back.
#include "absl/strings/str_cat.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

bool ReplayShard::LacksRows() const {
  if (!gate_.limits_samples() || !gate_.AnybodyWaits(Gate::kSamples)) return false;
  const int64_t rows = gate_.LeastRows(Gate::kSamples);
  return gate_.MaySample(rows) && !state_.table.selector().CanSelect({.rows = rows});
}

std::string ReplayShard::Explain() const {
  MutexLock lock(&mu_);
  return ExplainLocked();
}

std::string ReplayShard::ExplainLocked() const {
  const Selector& selector = state_.table.selector();
  const std::string inserts = selector.ExplainInsert();
  if (inserts.empty()) {
    const SelectRequest wanted{.rows = gate_.LeastRows(Gate::kSamples)};
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
