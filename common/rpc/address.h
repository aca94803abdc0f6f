// Where a role is found: "unix:/run/learner.sock" or "127.0.0.1:7000". Plain text stays on one
// machine: until TLS exists, addresses that others could reach are refused, for listening and for
// calling alike.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

struct RpcAddress {
  bool is_unix = false;
  std::string path;  // unix
  std::string host;  // TCP: an address of the loopback network, or localhost
  int port = 0;      // TCP; 0: the server picks a free one

  // As it is written and as gRPC wants it.
  std::string Text() const;
};

// `flag` names what the text came from in errors: "--listen". InvalidArgumentError: neither form, a
// socket path longer than the kernel takes (107 bytes), a port out of range, or a host outside
// loopback.
absl::StatusOr<RpcAddress> ParseRpcAddress(absl::string_view text, absl::string_view flag);

}  // namespace pmoe
