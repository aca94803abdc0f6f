// What one update learns from: a minibatch, or on-policy a rollout. Borrowed from whoever gave it.
#pragma once

#include <cstdint>
#include <variant>

#include "absl/types/span.h"
#include "replay/core/minibatch.h"
#include "replay/core/rollout.h"

namespace pmoe {

using Experience = std::variant<Minibatch*, const Rollout*>;

// The version of the policy that made each row; 0: the uniform warm-up, or what fills a sequence
// up.
inline absl::Span<const uint32_t> PolicyVersions(const Experience& experience) {
  if (Minibatch* const* const batch = std::get_if<Minibatch*>(&experience)) {
    return {(*batch)->policy_version(), static_cast<size_t>((*batch)->rows())};
  }
  return std::get<const Rollout*>(experience)->policy_version;
}

}  // namespace pmoe
