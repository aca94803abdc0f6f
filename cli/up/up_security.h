// How the processes of `pmoe up` protect their TCP: with certificates that it makes for this one
// life, in its private folder; and how `pmoe status --run DIR` finds the admin's among them. Free
// functions; DIR/up.security holds "tls FOLDER" or "insecure".
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/security_flags.h"
#include "common/tls/peer_name.h"

namespace pmoe {

// What a member of that role is told: --tls FOLDER/<role>; with an empty folder, --insecure.
std::vector<std::string> SecurityWords(const std::string& folder, PeerRole role);

// Makes the certificates in `folder` (empty: none) and writes DIR/up.security.
absl::Status PrepareUpSecurity(const std::string& directory, const std::string& folder);
// There is no TCP, or it is over.
void ForgetUpSecurity(const std::string& directory);
// The flags for a run that `pmoe up` leads now; empty ones for any other.
SecurityFlags FlagsOfUp(const std::string& directory);

}  // namespace pmoe
