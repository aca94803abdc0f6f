// What a certificate says, and whether it, its key and its authority belong together. Text in PEM
// form; free functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace pmoe {

// From when to when a certificate holds.
struct Validity {
  absl::Time from;
  absl::Time to;
};

// An hour before `now`, for clocks that differ, to `days` after it.
Validity ValidityFrom(absl::Time now, int days);

struct CertificateInfo {
  std::string uri;     // spiffe://…; empty: none, or several
  std::string issuer;  // common name of the authority
  Validity validity{};
};

// Of the first certificate of the text.
absl::StatusOr<CertificateInfo> ReadCertificate(const std::string& pem);

// InvalidArgumentError: no private key, or one that wants a password.
absl::Status CheckPrivateKey(const std::string& key);
// FailedPreconditionError: `key` is another one's.
absl::Status CheckKeyBelongs(const std::string& pem, const std::string& key);
// FailedPreconditionError: not signed by one of the authorities, or not meant for TLS. Whether both
// hold now is CheckValidNow's question.
absl::Status CheckSignedBy(const std::string& pem, const std::string& authorities);
// FailedPreconditionError: expired, or not valid yet, with what to do.
absl::Status CheckValidNow(const CertificateInfo& info, absl::Time now);

// "2026-11-26 10:44 UTC".
std::string TimeText(absl::Time time);

}  // namespace pmoe
