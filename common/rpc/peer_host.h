// Which machine a call comes from. Free function; thread-safe.
#pragma once

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// Of grpc::ServerContext::peer(): "ipv4:10.0.0.7:4711" -> "10.0.0.7"; "this machine" of a socket.
inline std::string PeerHost(absl::string_view peer) {
  if (absl::StartsWith(peer, "unix:")) return "this machine";
  const size_t begin = peer.find(':') + 1;  // npos + 1 is 0
  const size_t end = std::max(peer.rfind(':'), begin);
  return absl::StrReplaceAll(peer.substr(begin, end - begin), {{"%5B", "["}, {"%5D", "]"}});
}

}  // namespace pmoe
