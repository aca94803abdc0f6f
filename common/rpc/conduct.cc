#include "common/rpc/conduct.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace pmoe {
namespace {
constexpr size_t kEntriesMax = 4096;
}  // namespace

void Conduct::MakeRoom(double now_s) {
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    return entry.until_s <= now_s && entry.at_s.back() + limits_.memory_s <= now_s;
  });
  // More at once come of somebody who invents names: who is put out stays so.
  while (entries_.size() >= kEntriesMax) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](auto& a, auto& b) {
      return std::pair(a.second.until_s, a.second.at_s.back()) <
             std::pair(b.second.until_s, b.second.at_s.back());
    }));
  }
}

bool Conduct::OnNonsense(const std::string& who, absl::string_view what, double now_s) {
  if (!entries_.contains(who)) MakeRoom(now_s);
  Entry& entry = entries_[who];
  while (!entry.at_s.empty() && entry.at_s.front() + limits_.memory_s <= now_s) {
    entry.at_s.pop_front();
  }
  entry.at_s.push_back(now_s);
  entry.last = std::string(what);
  if (entry.at_s.size() <= limits_.forgiven) return false;
  entry.at_s.assign(1, now_s);  // it begins anew
  entry.until_s = now_s + limits_.out_s;
  return true;
}

std::optional<std::string> Conduct::WhyOut(const std::string& who, double now_s) const {
  const auto at = entries_.find(who);
  if (at == entries_.end() || at->second.until_s <= now_s) return std::nullopt;
  return absl::StrFormat(
      "put out for another %.0f s: too many messages made no sense, the last: %s",
      at->second.until_s - now_s, at->second.last);
}

}  // namespace pmoe
