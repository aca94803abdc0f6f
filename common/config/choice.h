// A choice of the configuration as an enum. The schema keeps it as text, which is what files and
// command lines spell; code sees the enum alone. The enum's names stand once, beside it, as an
// overload of Choices (learner_choices.h, policy_choices.h). Pure functions; free of protobuf.
//
//   enum class BestBy { kQ, kSoftQ };
//   constexpr auto Choices(BestBy) {
//     using enum BestBy;
//     return std::to_array<Choice<BestBy>>({{"q", kQ}, {"soft_q", kSoftQ}});
//   }
//   options.best_by = ParseChoice<BestBy>(config.learner().best_by());
#pragma once

#include <array>

#include "absl/strings/string_view.h"
#include "common/base/check.h"

namespace pmoe {

template <typename Enum>
struct Choice {
  absl::string_view name;
  Enum value;
};

// Of a name that validation let pass: the schema's choices are the same. Any other is our own bug.
template <typename Enum>
constexpr Enum ParseChoice(absl::string_view name) {
  const auto choices = Choices(Enum{});
  for (const Choice<Enum>& choice : choices) {
    if (choice.name == name) return choice.value;
  }
  PMOE_CHECK(false);
  return choices.front().value;
}

}  // namespace pmoe
