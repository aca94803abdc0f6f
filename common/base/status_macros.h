// Early return for absl::Status and absl::StatusOr (this abseil ships no such macros).
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define PMOE_RETURN_IF_ERROR(expr)             \
  do {                                         \
    absl::Status pmoe_status = (expr);         \
    if (!pmoe_status.ok()) return pmoe_status; \
  } while (false)

#define PMOE_CONCAT_INNER(a, b) a##b
#define PMOE_CONCAT(a, b) PMOE_CONCAT_INNER(a, b)

// PMOE_ASSIGN_OR_RETURN(auto value, MakeValue());
#define PMOE_ASSIGN_OR_RETURN(lhs, expr) \
  PMOE_ASSIGN_OR_RETURN_INNER(PMOE_CONCAT(pmoe_or_, __LINE__), lhs, expr)
#define PMOE_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) return std::move(tmp).status();    \
  lhs = *std::move(tmp)
