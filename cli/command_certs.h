// `pmoe certs`: makes, renews and shows the certificates of a cluster.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "cli/certificates.h"
#include "common/base/cli_fwd.h"

namespace pmoe {

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class CertsCommand {
 public:
  void AddTo(CLI::App* app);
  bool chosen() const;
  // Prints to stdout.
  absl::Status Run() const;

 private:
  absl::Status Init() const;
  absl::Status Show() const;

  CLI::App* certs_ = nullptr;
  CLI::App* init_ = nullptr;
  CLI::App* show_ = nullptr;
  CertificateOptions options_;
  std::string shown_;
};

}  // namespace pmoe
