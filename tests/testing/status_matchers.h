// Matchers for absl::Status and absl::StatusOr.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"

namespace pmoe {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, "is ok") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

#define EXPECT_OK(expr) EXPECT_THAT(expr, IsOk())
#define ASSERT_OK(expr) ASSERT_THAT(expr, IsOk())

// The code, and a part of the message.
MATCHER_P2(FailsWith, code, part, "fails with that code and a message that contains the text") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         absl::StrContains(std::string(StatusOf(arg).message()), part);
}

inline auto IsInvalid(const std::string& part) {
  return FailsWith(absl::StatusCode::kInvalidArgument, part);
}

}  // namespace pmoe
