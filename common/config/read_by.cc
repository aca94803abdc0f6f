#include "common/config/read_by.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pmoe {
namespace {

bool HasTrait(const Algorithm& algorithm, Rule::Trait trait) {
  const Estimator estimator = algorithm.estimator;
  const bool draws = algorithm.draws_primitive();
  switch (trait) {
    case Rule::OFF_POLICY:
      return !algorithm.on_policy();
    case Rule::ON_POLICY:
      return algorithm.on_policy();
    case Rule::PPO:
      return algorithm.on_policy() && !algorithm.has_options();
    case Rule::OPTIONS:
      return algorithm.has_options();
    case Rule::ROUTER:
      return algorithm.has_router();
    case Rule::GATING:
      return algorithm.head == HeadType::kGating;
    case Rule::MIXTURE:
      return draws;
    case Rule::RANKING:
      return draws && (estimator == Estimator::kFrequency || estimator == Estimator::kGumbel ||
                       estimator == Estimator::kReinforce);
    case Rule::WINNER:
      return draws && estimator == Estimator::kFrequency;
    case Rule::FREQUENCY:
      return algorithm.frequency_loss();
    case Rule::GUMBEL:
      return draws && estimator == Estimator::kGumbel;
    case Rule::REINFORCE:
      return draws && estimator == Estimator::kReinforce;
    case Rule::CRITIC:
      return !algorithm.on_policy() || algorithm.frequency_loss();
    case Rule::RATIO:
      return algorithm.on_policy() && draws && estimator != Estimator::kGumbel;
  }
  return false;
}

}  // namespace

bool Reads(const Algorithm& algorithm, const SchemaField& field) {
  const auto& traits = field.rule->read_by();
  return std::all_of(traits.begin(), traits.end(), [&](int trait) {
    return HasTrait(algorithm, static_cast<Rule::Trait>(trait));
  });
}

std::string ReadersText(const SchemaField& field) {
  if (field.rule->read_by().empty()) return "";
  std::vector<absl::string_view> names;
  for (const Algorithm& algorithm : Algorithms()) {
    if (Reads(algorithm, field)) names.push_back(algorithm.name);
  }
  return absl::StrJoin(names, ", ");
}

absl::Status NotRead(const Algorithm& algorithm, const SchemaField& field,
                     absl::string_view value) {
  return absl::InvalidArgumentError(
      absl::StrCat(field.path, "=", value, " does nothing with algorithm ", algorithm.name,
                   "; leave it away, or use one that reads it: ", ReadersText(field)));
}

}  // namespace pmoe
