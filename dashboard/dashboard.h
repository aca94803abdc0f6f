// The built-in dashboard: an HTTP server for a page that shows runs as they train and finished ones
// beside them. It reads run directories, and asks a callback for the live state; it changes
// nothing. Owns its threads, which sleep while nobody looks; the destructor does not wait for
// viewers. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dashboard/live_status.h"
#include "dashboard/run_catalog.h"

namespace pmoe {

struct DashboardOptions {
  // host:port; port 0: any; empty: 127.0.0.1 on 6006 or the next free port.
  std::string address;
  std::string token_file;  // empty: whoever reaches the address may look
  std::vector<RunFolder> folders;
  std::string own;  // run directory that the page opens with; empty: the one changed last
  LiveStatus live;  // null: files only
};

class Dashboard {
 public:
  static constexpr int kRunsPerViewer = 10;  // the first ones asked for
  static constexpr int kPages = 16;          // at once

  // InvalidArgumentError: not host:port, or the token file is none; FailedPreconditionError: cannot
  // be listened on.
  static absl::StatusOr<std::unique_ptr<Dashboard>> Start(DashboardOptions options);
  ~Dashboard();

  // "http://127.0.0.1:6006/"; for 0.0.0.0 with this machine's loopback address.
  const std::string& url() const { return url_; }
  // With the port that was picked.
  const std::string& address() const { return address_; }

 private:
  class Site;
  Dashboard(std::unique_ptr<Site> site, std::string address, std::string url);

  const std::unique_ptr<Site> site_;
  const std::string address_;
  const std::string url_;
};

}  // namespace pmoe
