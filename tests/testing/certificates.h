// A certificate authority and folders for --tls, made afresh for a test.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/time/clock.h"
#include "common/base/check.h"
#include "common/tls/authority.h"
#include "common/tls/peer_name.h"

namespace pmoe {

inline void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

inline Validity NowFor(int days) { return ValidityFrom(absl::Now(), days); }

class TestAuthority {
 public:
  explicit TestAuthority(std::string cluster = "pmoe") : cluster_(std::move(cluster)) {}

  const std::string& pem() const { return pem_; }

  // Makes, or makes anew, the folder of one role. `more` stands in its ca.pem beside this
  // authority; `name` is the last part of the certificate's.
  std::string WriteFolder(const std::string& folder, PeerRole role,
                          const Validity& validity = NowFor(30), const std::string& more = "",
                          const std::string& name = "1") const {
    std::filesystem::create_directories(folder);
    const std::string key = *MakePrivateKey();
    const auto cert = SignCertificate(pem_, key_, key, {cluster_, role, name}, validity);
    PMOE_CHECK(cert.ok());
    WriteText(folder + "/key.pem", key);
    std::filesystem::permissions(folder + "/key.pem", std::filesystem::perms::owner_read |
                                                          std::filesystem::perms::owner_write);
    WriteText(folder + "/cert.pem", *cert);
    WriteText(folder + "/ca.pem", pem_ + more);
    return folder;
  }

 private:
  const std::string cluster_;
  const std::string key_ = *MakePrivateKey();
  const std::string pem_ = *MakeAuthority(key_, cluster_, NowFor(3650));
};

}  // namespace pmoe
