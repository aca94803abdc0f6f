// PMOE_CHECK: stops the process on a bug of our own. Errors that a user, a file or a peer can cause
// are absl::Status instead.
#pragma once

#include <cstdio>
#include <cstdlib>

#define PMOE_CHECK(condition)                                                            \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
