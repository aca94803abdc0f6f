#include "common/verdict/verdict_text.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pmoe {
namespace {

constexpr double kHelps = 1.05;
constexpr double kHarms = 0.95;

std::string Percent(double share) {
  const long percent = std::lround(100.0 * share);
  if (percent == 0) return share > 0.0 ? "less than 1 %" : "0 %";
  return absl::StrCat(percent, " %");
}

// "1.3×", "12×".
std::string Times(double factor) {
  return factor < 10.0 ? absl::StrFormat("%.1f×", factor) : absl::StrFormat("%.0f×", factor);
}

std::string ActorsWaitText(const RunVerdict& verdict) {
  return absl::StrCat(verdict.actors == 1 ? "the actor waits " : "actors wait ",
                      Percent(verdict.actors_wait), " of the time");
}

std::string LearnerWaitText(const RunVerdict& verdict) {
  return absl::StrCat("the learner waits ", Percent(verdict.learner_wait), " of the time");
}

const VerdictGain* GainOf(const RunVerdict& verdict, absl::string_view change) {
  for (const VerdictGain& gain : verdict.gains) {
    if (absl::StrContains(gain.change, change)) return &gain;
  }
  return nullptr;
}

// "one more actor would give 1.3×, twice the actors 1.7×", or that they will not help; empty where
// the run can have no other number.
std::string ActorGains(const RunVerdict& verdict) {
  const VerdictGain* const one = GainOf(verdict, "one more actor");
  const VerdictGain* const twice = GainOf(verdict, "twice the actors");
  if (one == nullptr && twice == nullptr) return "";
  const double most = std::max(one == nullptr ? 0.0 : one->factor,  //
                               twice == nullptr ? 0.0 : twice->factor);
  if (most < kHarms) return absl::StrCat("more actors would slow the run to ", Times(most));
  if (most < kHelps) return "more actors will not help";
  if (one == nullptr) return absl::StrCat("twice the actors would give ", Times(twice->factor));
  if (one->factor < kHelps) {
    return absl::StrCat("one more actor would hardly help, twice the actors would give ",
                        Times(twice->factor));
  }
  std::string text = absl::StrCat("one more actor would give ", Times(one->factor));
  if (twice != nullptr) absl::StrAppend(&text, ", twice the actors ", Times(twice->factor));
  return text;
}

std::string Capitalized(std::string text) {
  if (!text.empty()) text[0] = absl::ascii_toupper(text[0]);
  return text;
}

// What would help, as a sentence with a blank before it.
std::string Gains(const RunVerdict& verdict) {
  std::string text = ActorGains(verdict);
  if (const VerdictGain* const thread = GainOf(verdict, "learner thread"); thread != nullptr) {
    const bool nor = absl::StrContains(text, "will not help");
    if (thread->factor >= kHelps) {
      absl::StrAppend(&text, text.empty() ? "" : "; ", thread->change, " would give up to ",
                      Times(thread->factor));
    } else if (nor) {
      absl::StrAppend(&text, ", nor will ", thread->change);
    } else {
      absl::StrAppend(&text, text.empty() ? "" : "; ", thread->change, " will not help");
    }
  }
  return text;
}

std::string Sentence(std::string text) {
  return text.empty() ? "" : absl::StrCat(" ", Capitalized(std::move(text)), ".");
}

std::string WithHint(std::string text, absl::string_view hint) {
  absl::StrAppend(&text, text.empty() ? "" : "; ", hint);
  return text;
}

std::string LearnerText(const RunVerdict& verdict) {
  std::string gains = Gains(verdict);
  const VerdictGain* const thread = GainOf(verdict, "learner thread");
  if (thread == nullptr || thread->factor < kHelps) {
    gains = WithHint(std::move(gains), "a faster or a smaller update would help");
  }
  return absl::StrCat("The learner is the bottleneck: ", ActorsWaitText(verdict), ".",
                      Sentence(std::move(gains)));
}

std::string CoresText(const RunVerdict& verdict) {
  return absl::StrCat("The cores are the bottleneck: ",
                      absl::StrFormat("%.1f of %.3g are busy", verdict.cores_busy, verdict.cores),
                      ".", Sentence(WithHint(Gains(verdict), "more cores would help")));
}

std::string EvaluatorText(const RunVerdict& verdict) {
  const double most = 1.0 / std::max(0.01, 1.0 - verdict.evaluation_wait);
  return absl::StrCat(
      "The evaluator is the bottleneck: the learner waits ", Percent(verdict.evaluation_wait),
      " of the time for evaluations.",
      Sentence(WithHint(Gains(verdict),
                        absl::StrCat("rarer or shorter evaluations (observe.eval_every_steps, "
                                     "observe.eval_episodes) would give up to ",
                                     Times(most)))));
}

}  // namespace

std::string VerdictText(const RunVerdict& verdict) {
  switch (verdict.bottleneck) {
    case Bottleneck::kUnknown:
      return absl::StrCat("Not known yet: ", verdict.reason, ".");
    case Bottleneck::kLearner:
      return LearnerText(verdict);
    case Bottleneck::kActors:
      return absl::StrCat(verdict.actors == 1 ? "The actor is" : "The actors are",
                          " the bottleneck: ", LearnerWaitText(verdict), ".",
                          Sentence(Gains(verdict)));
    case Bottleneck::kCores:
      return CoresText(verdict);
    case Bottleneck::kLimiter:
      return absl::StrCat("Actors and learner wait for each other: ", ActorsWaitText(verdict), ", ",
                          LearnerWaitText(verdict),
                          ". The limiter's window or the network stands between them.");
    case Bottleneck::kEvaluator:
      return EvaluatorText(verdict);
    case Bottleneck::kNone:
      return absl::StrCat("Nothing stands out: ", ActorsWaitText(verdict), ", ",
                          LearnerWaitText(verdict), ".", Sentence(Gains(verdict)));
  }
  return "";
}

}  // namespace pmoe
