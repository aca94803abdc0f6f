#include "control/core/control.h"

namespace pmoe {

void AddInfo(const std::map<std::string, double>& info, InfoSums* sums) {
  for (const auto& [name, value] : info) {
    const auto found = sums->find(name);
    if (found == sums->end() && sums->size() >= kInfoNamesMax) continue;
    InfoSum& sum = found == sums->end() ? (*sums)[name] : found->second;
    sum.sum += value;
    ++sum.episodes;
  }
}

}  // namespace pmoe
