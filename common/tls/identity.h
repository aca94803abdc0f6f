// A role's folder of ca.pem, cert.pem and key.pem, as `pmoe certs init` makes it: read and checked
// whole before anything listens or calls. Free functions and a value.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/tls/certificate.h"
#include "common/tls/peer_name.h"

namespace pmoe {

// FailedPreconditionError where others than the owner's group can read a private key, or others
// than the owner can replace it: names the file, its mode and the fix.
absl::Status CheckKeyMode(const std::string& path);

struct IdentityFiles {
  explicit IdentityFiles(const std::string& dir)
      : ca(dir + "/ca.pem"), cert(dir + "/cert.pem"), key(dir + "/key.pem") {}

  std::string ca, cert, key;
};

struct Identity {
  PeerName name;
  CertificateInfo certificate{};
};

// FailedPreconditionError, with the file's path and what to do: a file that is missing or cannot be
// read, is not what its name says, belongs to another one, has expired, or names no role.
absl::StatusOr<Identity> ReadIdentity(const std::string& dir, absl::Time now);

}  // namespace pmoe
