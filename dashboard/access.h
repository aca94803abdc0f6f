// Who may look: whoever reaches the address, or with a token whoever knows it. A browser shows the
// token once, in the address /?token=…, and then has it as a cookie. Immutable, thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// The time depends on the lengths, not on where the texts differ.
bool EqualInConstantTime(absl::string_view a, absl::string_view b);

// The first line of the file, 16 to 256 letters, digits, - or _; InvalidArgumentError otherwise.
absl::StatusOr<std::string> ReadTokenFile(const std::string& path);

// What a request shows of itself.
struct Credentials {
  std::string host{};           // header Host
  std::string authorization{};  // header Authorization: "Bearer …"
  std::string cookie{};         // header Cookie
  std::string query_token{};    // parameter `token`
};

class Access {
 public:
  // token: empty: none is needed. loopback: the server listens on this machine only; then a name
  // that is not this machine's is refused, so that no web page can read the dashboard through a
  // name of its own that it lets point here (DNS rebinding).
  Access(std::string token, bool loopback) : token_(std::move(token)), loopback_(loopback) {}

  bool HostAllowed(absl::string_view host) const;
  bool Allowed(const Credentials& credentials) const;
  bool IsToken(absl::string_view text) const {
    return !token_.empty() && EqualInConstantTime(text, token_);
  }
  // For Set-Cookie.
  std::string Cookie() const;

 private:
  const std::string token_;
  const bool loopback_;
};

}  // namespace pmoe
