#include "control/service/put_out.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pmoe {
namespace {
constexpr size_t kEntriesMax = 4096;
}  // namespace

void PutOut::Forget(double now_s) {
  std::erase_if(entries_, [now_s](const auto& item) {
    const Entry& entry = item.second;
    return entry.until_s <= now_s && entry.at_s.back() + kPutOut_s <= now_s;
  });
  // More at once come of somebody who invents names.
  while (entries_.size() >= kEntriesMax) entries_.erase(entries_.begin());
}

bool PutOut::Add(const std::string& who, const std::string& what, double now_s) {
  if (!entries_.contains(who)) Forget(now_s);
  Entry& entry = entries_[who];
  while (!entry.at_s.empty() && entry.at_s.front() + kPutOut_s <= now_s) entry.at_s.pop_front();
  entry.at_s.push_back(now_s);
  entry.last = what;
  if (entry.at_s.size() <= kNonsenseForgiven) return false;
  entry.at_s.pop_front();
  entry.until_s = now_s + kPutOut_s;
  return true;
}

std::optional<std::string> PutOut::Why(const std::string& who, double now_s) const {
  const auto at = entries_.find(who);
  if (at == entries_.end() || at->second.until_s <= now_s) return std::nullopt;
  return absl::StrFormat("for another %.0f s: too many messages made no sense, the last: %s",
                         at->second.until_s - now_s, at->second.last);
}

}  // namespace pmoe
