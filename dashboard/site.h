// What the dashboard answers to which request, on the HTTP library's server. Private to the
// dashboard. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "dashboard/access.h"
#include "dashboard/dashboard.h"
#include "dashboard/watch_list.h"
#include "httplib.h"

namespace pmoe {

class Dashboard::Site {
 public:
  Site(const DashboardOptions& options, Access access);
  ~Site();

  // Port 0: any. The port listened on, or -1.
  int Bind(const std::string& host, int port);
  void Serve();

 private:
  void AddPages();
  void AddRuns();
  void AddEvents();
  // True: the request is answered, with a refusal.
  bool Refuse(const httplib::Request& request, httplib::Response* response) const;
  // Its runs that exist, at most kRunsPerViewer.
  std::vector<std::shared_ptr<RunWatch>> AskedFor(const httplib::Request& request);
  void StartEvents(std::vector<std::shared_ptr<RunWatch>> runs, httplib::Response* response);
  // Waits up to a second for the end; true: it has come.
  bool AwaitEnd() ABSL_LOCKS_EXCLUDED(mu_);

  const Access access_;
  const std::string own_;
  RunCatalog catalog_;
  WatchList watches_;
  std::atomic<int> viewers_{0};
  httplib::Server server_;
  std::thread thread_;
  Mutex mu_;
  CondVar ended_;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace pmoe
