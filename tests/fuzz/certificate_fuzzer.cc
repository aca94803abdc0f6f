// Any bytes as a certificate's or key's file, as what is inside one, and as the name that one gives
// to its owner.
#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/tls/certificate.h"
#include "common/tls/peer_name.h"

namespace pmoe {
namespace {

void Read(const std::string& pem) {
  const absl::StatusOr<CertificateInfo> info = ReadCertificate(pem);
  if (info.ok()) {
    CheckValidNow(*info, absl::UnixEpoch()).IgnoreError();
    ParsePeerName(info->uri).status().IgnoreError();
  }
  CheckPrivateKey(pem).IgnoreError();
  CheckKeyBelongs(pem, pem).IgnoreError();
  CheckSignedBy(pem, pem).IgnoreError();
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  pmoe::Read(bytes);
  for (const char* kind : {"CERTIFICATE", "PRIVATE KEY"}) {
    pmoe::Read(absl::StrCat("-----BEGIN ", kind, "-----\n", absl::Base64Escape(bytes),
                            "\n-----END ", kind, "-----\n"));
  }
  const absl::StatusOr<pmoe::PeerName> name = pmoe::ParsePeerName(bytes);
  if (name.ok() && name->Uri() != bytes) __builtin_trap();
  return 0;
}
