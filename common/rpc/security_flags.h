// --tls and --insecure, the same for every command that connects or listens.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/cli_fwd.h"
#include "common/rpc/security.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
struct SecurityFlags {
  std::string tls;
  bool insecure = false;

  void AddTo(CLI::App* app);
  // After parsing. `role`: the one that the certificate must be of; nullopt: any. --tls counts
  // before PMOE_TLS; --insecure counts before PMOE_TLS too, and not beside --tls. Says on stderr
  // when the certificate has not long to live.
  absl::StatusOr<RpcSecurity> Load(std::optional<PeerRole> role) const;
};

}  // namespace pmoe
