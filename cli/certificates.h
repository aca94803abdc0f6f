// The folders of certificates that a cluster is given: DIR/ca with the authority's key, which stays
// where it was made, and DIR/<role> with ca.pem, cert.pem and key.pem, each to be handed to
// processes of that role; on request also DIR/actor-<index>, DIR/evaluator and DIR/replay-<index>,
// each good for that member alone. Free functions, for one thread: folders are made under a changed
// umask.
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
  bool renew = false;                  // all of them, not only those that end soon
  int actors = 0;                      // with certificates of their own; any: the evaluator's too
  int replays = 0;                     // likewise

  absl::Status Validate() const;
};

struct CertificateReport {
  enum class What { kMade, kRenewed, kKept };

  std::string folder;
  std::string uri;
  What what = What::kKept;
  Validity validity{};
};

// Makes what is missing, renews what has less than a third of its life left, keeps the rest; of
// members' own certificates that are there already too. A renewed certificate keeps its key, so
// that one file changes, at once, under a process that runs.
// FailedPreconditionError: something lies there that is damaged, of another cluster, or cannot be
// signed without DIR/ca/key.pem; nothing that may be in use is replaced then.
absl::StatusOr<std::vector<CertificateReport>> InitCertificates(const CertificateOptions& options,
                                                                absl::Time now);

// The folders of roles and members that lie in `dir`, without the authority's.
std::vector<std::string> CertificateFolders(const std::string& dir);

}  // namespace pmoe
