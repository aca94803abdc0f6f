// The folders of certificates that a cluster is given: DIR/ca with the authority's key, which stays
// where it was made, and DIR/<role> with ca.pem, cert.pem and key.pem, each to be handed to
// processes of that role. Free functions, for one thread: a key is written under a changed umask.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/tls/certificate.h"

namespace pmoe {

struct CertificateOptions {
  std::string out;
  std::optional<std::string> cluster;  // default: "pmoe", or the one that is there
  int days = 365;                      // of a role's certificate; the authority's: ten years
  bool renew = false;                  // every role's, not only those that end soon

  absl::Status Validate() const;
};

struct CertificateReport {
  enum class What { kMade, kRenewed, kKept };

  std::string folder;
  std::string uri;
  What what = What::kKept;
  Validity validity{};
};

// Makes what is missing, renews what has less than a third of its life left, keeps the rest. A
// renewed certificate keeps its key, so that one file changes, at once, under a process that runs.
// FailedPreconditionError: something lies there that is damaged, of another cluster, or cannot be
// signed without DIR/ca/key.pem; nothing that may be in use is replaced then.
absl::StatusOr<std::vector<CertificateReport>> InitCertificates(const CertificateOptions& options,
                                                                absl::Time now);

}  // namespace pmoe
