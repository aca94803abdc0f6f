#include "dashboard/actor_history.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr uint16_t kCountMax = std::numeric_limits<uint16_t>::max();

}  // namespace

std::optional<ActorHistory::Value> ActorHistory::ValueNamed(absl::string_view name) {
  if (name == "steps_per_s") return kStepsPerS;
  if (name == "behind") return kBehind;
  if (name == "blocked") return kBlocked;
  return std::nullopt;
}

void ActorHistory::Add(const RunStatus& status, double now_s) {
  if (!begin_s_.has_value()) begin_s_ = now_s;
  const double since_s = std::max(0.0, now_s - *begin_s_);
  while (since_s >= column_s_ * kTimesMax) MergeNeighbours();
  const auto time = static_cast<size_t>(since_s / column_s_);
  times_ = std::max(times_, time + 1);
  for (const MemberStatus& member : status.members()) {
    if (member.role() != RUN_ROLE_ACTOR || !member.connected()) continue;
    const ActorRates& rates = member.rates();
    if (member.has_rates()) Put(member.index(), time, kStepsPerS, rates.env_steps_per_s());
    if (rates.has_time()) Put(member.index(), time, kBlocked, rates.time().blocked());
    const uint64_t used = member.policy_version(), newest = status.policy_version();
    // Version 0: it has no weights yet.
    if (used > 0) {
      Put(member.index(), time, kBehind, newest > used ? static_cast<double>(newest - used) : 0.0);
    }
  }
}

void ActorHistory::Put(uint32_t actor, size_t time, Value value, double number) {
  auto at = cells_.find(actor);
  if (at == cells_.end()) {
    if (cells_.size() == kActorsMax) {
      if (cells_.rbegin()->first < actor) return;
      cells_.erase(std::prev(cells_.end()));
    }
    at = cells_.emplace(actor, std::vector<Cell>()).first;
  }
  if (at->second.size() < times_) at->second.resize(times_);
  Cell& cell = at->second[time];
  if (cell.count[value] == kCountMax) return;
  cell.sum[value] += static_cast<float>(number);
  ++cell.count[value];
}

double ActorHistory::at(uint32_t actor, size_t time, Value value) const {
  const auto at = cells_.find(actor);
  const bool known = at != cells_.end() && time < at->second.size();
  if (!known || at->second[time].count[value] == 0) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const Cell& cell = at->second[time];
  return cell.sum[value] / static_cast<float>(cell.count[value]);
}

void ActorHistory::MergeNeighbours() {
  for (auto& [actor, cells] : cells_) {
    cells.resize((cells.size() + 1) / 2 * 2);
    for (size_t i = 0; i < cells.size() / 2; ++i) {
      Cell merged = cells[2 * i];
      const Cell& next = cells[2 * i + 1];
      for (int value = 0; value < kValues; ++value) {
        const uint32_t count = static_cast<uint32_t>(merged.count[value]) + next.count[value];
        merged.sum[value] += next.sum[value];
        // A column that is full goes on as the mean of what it has.
        if (count > kCountMax) merged.sum[value] *= static_cast<float>(kCountMax) / count;
        merged.count[value] = static_cast<uint16_t>(std::min<uint32_t>(count, kCountMax));
      }
      cells[i] = merged;
    }
    cells.resize(cells.size() / 2);
  }
  times_ = (times_ + 1) / 2;
  column_s_ *= 2;
  ++merges_;
}

std::string ActorHistory::Json(Value value, size_t from) const {
  std::string text = absl::StrCat("{\"column_s\":", column_s_, ",\"merges\":", merges_,
                                  ",\"from\":", from, ",\"times\":", times_, ",\"actors\":[");
  for (const auto& [actor, cells] : cells_) {
    absl::StrAppend(&text, text.back() == '[' ? "" : ",", actor);
  }
  text.append("],\"rows\":[");
  for (const auto& [actor, cells] : cells_) {
    text.append(text.back() == '[' ? "[" : ",[");
    for (size_t time = from; time < times_; ++time) {
      if (time > from) text.push_back(',');
      // Three digits are more than a colour shows.
      const double number = at(actor, time, value);
      if (std::isnan(number)) {
        text.append("null");
      } else {
        absl::StrAppend(&text, absl::SixDigits(std::round(number * 1000) / 1000));
      }
    }
    text.push_back(']');
  }
  return text + "]}";
}

}  // namespace pmoe
