// Where a role is found: "unix:/run/learner.sock" or "host:7000". Which of them a process may use
// is its RpcSecurity's to say: addresses that others could reach need TLS.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

struct RpcAddress {
  bool is_unix = false;
  std::string path;  // unix
  std::string host;  // TCP: a name, an IPv4 address, or an IPv6 address in brackets
  int port = 0;      // TCP; 0: the server picks a free one

  // As it is written and as gRPC wants it.
  std::string Text() const;
  // TCP that no other machine reaches: an address of 127.0.0.0/8, [::1] or localhost.
  bool is_loopback() const;
  // TCP on every address of this machine: where to listen, not where to be found.
  bool is_any() const { return host == "0.0.0.0" || host == "[::]"; }
};

// `flag` names what the text came from in errors: "--listen". InvalidArgumentError: neither form, a
// socket path longer than the kernel takes (107 bytes), or a port out of range. Most callers want
// RpcSecurity::ParseAddress, which also says whether the address may be used.
absl::StatusOr<RpcAddress> ParseRpcAddress(absl::string_view text, absl::string_view flag);

}  // namespace pmoe
