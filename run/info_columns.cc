#include "run/info_columns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr uint32_t kMark = 0x4f464e49;  // "INFO"; no log has so many open rows
}  // namespace

void InfoColumns::Add(const InfoSums& sums) {
  for (const auto& [name, sum] : sums) {
    const bool wanted =
        name == kSuccessInfo || std::find(names_.begin(), names_.end(), name) != names_.end();
    if (!wanted || sum.episodes == 0) continue;
    InfoSum& mine = sums_[name];
    mine.sum += sum.sum;
    mine.episodes += sum.episodes;
  }
}

void InfoColumns::AddTo(MetricRow* row) {
  for (const auto& [name, sum] : std::exchange(sums_, {})) {
    (*row)[InfoColumn("train", name)] = sum.sum / static_cast<double>(sum.episodes);
  }
}

void InfoColumns::AddEvaluation(const std::map<std::string, double>& means, MetricRow* row) const {
  for (const auto& [name, mean] : means) {
    const bool wanted =
        name == kSuccessInfo || std::find(names_.begin(), names_.end(), name) != names_.end();
    if (wanted) (*row)[InfoColumn("eval", name)] = mean;
  }
}

void InfoColumns::SaveState(ByteWriter* out) const {
  if (sums_.empty()) return;
  out->Pod(kMark);
  out->Pod(static_cast<uint32_t>(sums_.size()));
  for (const auto& [name, sum] : sums_) {
    out->String(name);
    out->Pod(sum.sum);
    out->Pod(sum.episodes);
  }
}

void InfoColumns::LoadState(ByteReader* in) {
  ByteReader ahead = *in;
  uint32_t mark = 0, count = 0;
  ahead.Pod(&mark);
  if (!ahead.ok() || mark != kMark) return;
  ahead.Pod(&count);
  for (uint32_t i = 0; i < count && ahead.ok(); ++i) {
    std::string name;
    InfoSum sum;
    ahead.String(&name);
    ahead.Pod(&sum.sum);
    ahead.Pod(&sum.episodes);
    if (ahead.ok() && sum.episodes > 0) sums_[name] = sum;
  }
  *in = ahead;
}

std::string InfoColumn(const std::string& who, const std::string& name) {
  return name == kSuccessInfo ? who + "_success_rate" : absl::StrCat(who, "_info_", name);
}

}  // namespace pmoe
