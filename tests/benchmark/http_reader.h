// Reads pages over HTTP as viewers do, by hand: what it costs the server is measured, not the
// client. Thread-compatible; owns one thread while a page streams.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace pmoe {

// One GET; the answer with its head. UnavailableError: nobody listens at host:port.
absl::StatusOr<std::string> HttpGet(const std::string& host_port, const std::string& path);

// A page that does not end, read until the object goes.
class HttpStream {
 public:
  HttpStream(const std::string& host_port, const std::string& path);
  ~HttpStream();

  size_t bytes() const { return bytes_; }

 private:
  int fd_ = -1;
  std::atomic<size_t> bytes_{0};
  std::thread thread_;
};

}  // namespace pmoe
