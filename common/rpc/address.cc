#include "common/rpc/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr absl::string_view kUnix = "unix:";
constexpr size_t kPathMax = sizeof(sockaddr_un::sun_path) - 1;

absl::Status Bad(absl::string_view flag, absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " must be unix:/path or host:port, got \"", text, "\": ", what));
}

absl::StatusOr<RpcAddress> ParseUnix(absl::string_view text, absl::string_view flag) {
  RpcAddress address;
  address.is_unix = true;
  address.path = std::string(text.substr(kUnix.size()));
  if (address.path.empty()) return Bad(flag, text, "the path is empty");
  if (address.path.size() > kPathMax) {
    return Bad(flag, text,
               absl::StrCat("a socket path has at most ", kPathMax, " bytes, this one ",
                            address.path.size(), "; use a shorter folder, such as /tmp"));
  }
  return address;
}

}  // namespace

std::string RpcAddress::Text() const {
  return is_unix ? absl::StrCat(kUnix, path) : absl::StrCat(host, ":", port);
}

// An address, not a name that only begins like one: "127.example.org" may be anywhere.
bool RpcAddress::is_loopback() const {
  if (is_unix) return false;
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

absl::StatusOr<RpcAddress> ParseRpcAddress(absl::string_view text, absl::string_view flag) {
  if (absl::StartsWith(text, kUnix)) return ParseUnix(text, flag);
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Bad(flag, text, "no port");
  RpcAddress address;
  address.host = std::string(text.substr(0, colon));
  if (address.host.empty()) return Bad(flag, text, "no host");
  if (!absl::SimpleAtoi(text.substr(colon + 1), &address.port) || address.port < 0 ||
      address.port > 65535) {
    return Bad(flag, text, "the port must be a number from 0 to 65535");
  }
  // An IPv6 address without brackets would lose its last part to the port.
  const bool bracketed = address.host.front() == '[' && address.host.back() == ']';
  if (!bracketed && absl::StrContains(address.host, ":")) {
    return Bad(flag, text, "an IPv6 address goes in brackets: [::1]:7000");
  }
  return address;
}

}  // namespace pmoe
