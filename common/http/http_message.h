// A request and its answer, without the library that carries them. Values.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

// GET or HEAD: nothing else is served, and no request has a body.
struct HttpRequest {
  std::string path{};  // decoded
  // The query's, decoded, in its order; any bytes.
  std::vector<std::pair<std::string, std::string>> parameters{};
  std::string host{};           // headers; empty: none
  std::string authorization{};  //
  std::string cookie{};         //
  std::string range{};          //

  // The first of that name; empty: none.
  std::string Parameter(absl::string_view name) const;
};

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body{};
  absl::string_view lasting_body{};  // in place of `body`: bytes that outlive the server
  std::vector<std::pair<std::string, std::string>> headers{};
  // Set: the body goes on after `body`. Called about once a second, by one thread at a time, until
  // the client has left; what it returns is sent, and empty text sends nothing.
  std::function<std::string()> more{};
};

}  // namespace pmoe
