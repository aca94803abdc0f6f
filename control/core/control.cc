#include "control/core/control.h"

#include <cmath>

#include "common/base/printable_text.h"

namespace pmoe {
namespace {

// What a learner takes of a report (control/wire/sense.cc): one value of no sense must not cost
// the report that it comes with.
bool MakesSense(const std::string& name, double value) {
  constexpr size_t kNameBytesMax = 255;
  constexpr double kValueMax = 1e280;
  return name.size() <= kNameBytesMax && FindControlCharacter(name) == std::string::npos &&
         IsUtf8(name) && std::abs(value) <= kValueMax;
}

}  // namespace

void AddInfo(const std::map<std::string, double>& info, InfoSums* sums) {
  for (const auto& [name, value] : info) {
    if (!MakesSense(name, value)) continue;
    const auto found = sums->find(name);
    // One place is success's, whatever comes before it.
    const size_t names_max = kInfoNamesMax - (name == kSuccessInfo ? 0 : 1);
    if (found == sums->end() && sums->size() >= names_max) continue;
    InfoSum& sum = found == sums->end() ? (*sums)[name] : found->second;
    sum.sum += value;
    ++sum.episodes;
  }
}

}  // namespace pmoe
