#include "common/verdict/stragglers.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/verdict/fit_model.h"

namespace pmoe {
namespace {

constexpr size_t kNamesMax = 8;
constexpr double kBlocked = 0.5;  // share of the time: then it is others who hold it up

// Of one that reports. In lockstep all make the same steps, and the slow one works longer for them.
double PaceOf(const ActorMeasure& actor, Pace pace) {
  if (pace == Pace::kLimiter) return actor.steps_per_s;
  return actor.steps_per_s / std::max(1e-3, actor.time->busy);
}

// The upper middle of an even number: of two actors the slower one is held against the other.
double UpperMiddle(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

bool IsSilent(const ActorMeasure& actor) { return !actor.connected || actor.silent_s >= kSilent_s; }

}  // namespace

Stragglers FindStragglers(const RunMeasure& measure) {
  Stragglers found;
  std::vector<double> paces;
  for (const ActorMeasure& actor : measure.actors) {
    if (IsSilent(actor)) {
      found.silent.push_back(actor.index);
      found.silent_s = std::max(found.silent_s, actor.silent_s);
    } else if (actor.time.has_value()) {
      paces.push_back(PaceOf(actor, measure.pace));
    }
  }
  std::sort(found.silent.begin(), found.silent.end());
  if (paces.size() < 2) return found;
  const double middle = UpperMiddle(std::move(paces));
  double slow_sum = 0.0;
  for (const ActorMeasure& actor : measure.actors) {
    if (!IsMeasured(actor)) continue;
    const double pace = PaceOf(actor, measure.pace);
    if (!(pace < kSlow * middle) || actor.time->blocked > kBlocked) continue;
    found.slow.push_back(actor.index);
    slow_sum += pace;
  }
  std::sort(found.slow.begin(), found.slow.end());
  if (!found.slow.empty()) {
    found.pace = slow_sum / static_cast<double>(found.slow.size()) / middle;
  }
  return found;
}

std::string ActorNames(absl::Span<const uint32_t> actors) {
  std::string text = actors.size() == 1 ? "actor " : "actors ";
  const size_t named = actors.size() <= kNamesMax ? actors.size() : kNamesMax - 2;
  for (size_t i = 0; i < named; ++i) {
    const bool last = i + 1 == actors.size();
    absl::StrAppend(&text, i == 0 ? "" : last ? " and " : ", ", actors[i]);
  }
  if (named < actors.size()) absl::StrAppend(&text, " and ", actors.size() - named, " more");
  return text;
}

std::string StragglersText(const Stragglers& stragglers, Pace pace) {
  std::string text;
  const auto begin = [&text](absl::Span<const uint32_t> actors) {
    std::string names = ActorNames(actors);
    names[0] = absl::ascii_toupper(names[0]);
    absl::StrAppend(&text, text.empty() ? "" : " ", names);
    return actors.size() == 1;
  };
  if (!stragglers.slow.empty()) {
    const bool one = begin(stragglers.slow);
    if (pace == Pace::kLimiter) {
      const double percent = 100.0 * stragglers.pace;
      absl::StrAppend(&text, one ? " makes " : " make ",
                      percent < 1.0 ? "less than 1" : absl::StrCat(std::lround(percent)),
                      " % of the others' steps.");
    } else {
      const double times = std::min(1000.0, 1.0 / std::max(1e-3, stragglers.pace));
      absl::StrAppend(&text, one ? " takes " : " take ", std::lround(times),
                      " times as long for a step as the others, who wait.");
    }
  }
  if (!stragglers.silent.empty()) {
    const bool one = begin(stragglers.silent);
    if (stragglers.silent_s < kSilent_s) {  // they left, and said so
      absl::StrAppend(&text, one ? " is gone." : " are gone.");
    } else {
      absl::StrAppend(&text, one ? " has" : " have", " said nothing for ",
                      std::lround(std::min(1e6, stragglers.silent_s)), " s.");
    }
  }
  return text;
}

}  // namespace pmoe
