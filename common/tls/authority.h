// Makes what a cluster's TLS needs: ECDSA P-256 keys, the cluster's own authority, and one
// certificate per role signed by it. Text in PEM form in and out; free functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/tls/certificate.h"
#include "common/tls/peer_name.h"

namespace pmoe {

absl::StatusOr<std::string> MakePrivateKey();
// The certificate of the authority whose key this is, signed by itself.
absl::StatusOr<std::string> MakeAuthority(const std::string& key, const std::string& cluster,
                                          const Validity& validity);
// A certificate for the owner of `key`, signed by the authority; it ends no later than the
// authority's own.
absl::StatusOr<std::string> SignCertificate(const std::string& authority,
                                            const std::string& authority_key,
                                            const std::string& key, const PeerName& owner,
                                            const Validity& validity);

}  // namespace pmoe
