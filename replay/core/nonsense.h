// What a row or a request says and cannot mean: an InvalidArgumentError that carries a word for it,
// the `reason` of pmoe_rejected_total. Pure functions.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace pmoe {

inline constexpr absl::string_view kNotFinite = "not_finite";
inline constexpr absl::string_view kUnknownVersion = "version";
inline constexpr absl::string_view kBadColumns = "columns";  // of a wrong size, or no flags
inline constexpr absl::string_view kBadNumbers = "numbers";  // env, step, seq, rows

inline constexpr absl::string_view kReasonPayload = "pmoe/reason";

inline absl::Status Nonsense(absl::string_view reason, absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kReasonPayload, absl::Cord(reason));
  return status;
}

// The reason of such an error, `other` for any other one.
inline std::string NonsenseReason(const absl::Status& status,
                                  absl::string_view other = kBadNumbers) {
  const auto reason = status.GetPayload(kReasonPayload);
  return reason.has_value() ? std::string(*reason) : std::string(other);
}

}  // namespace pmoe
