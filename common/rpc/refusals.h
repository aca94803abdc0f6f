// What the servers of this process have refused: calls of a role that may not make them, and
// connections whose TLS handshake failed. Said on stderr at most every ten seconds, counted for
// pmoe_rpc_refused_total. One per process, as gRPC's log is. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/mutex.h"

namespace pmoe {

// Whose certificate did not hold, or named no role.
inline constexpr absl::string_view kUnverified = "unverified";

class Refusals {
 public:
  static Refusals& OfProcess();

  // `caller`: a role's name, or kUnverified.
  void Add(absl::string_view caller, absl::string_view what) ABSL_LOCKS_EXCLUDED(mu_);
  // By caller, those without any included.
  std::map<std::string, int64_t> Counts() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  Refusals();

  mutable Mutex mu_;
  std::map<std::string, int64_t> counts_ ABSL_GUARDED_BY(mu_);
  int64_t unsaid_ ABSL_GUARDED_BY(mu_) = 0;
  Clock::Time next_line_ ABSL_GUARDED_BY(mu_);
};

// gRPC's log goes nowhere but for failed handshakes, which are refusals. Does nothing where the
// environment's GRPC_VERBOSITY asks for that log.
void ListenForFailedHandshakes();

}  // namespace pmoe
