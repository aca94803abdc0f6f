// What the dashboard answers to which request. Private to the dashboard. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/http/http_server.h"
#include "dashboard/access.h"
#include "dashboard/dashboard.h"
#include "dashboard/own_run.h"
#include "dashboard/run_summary.h"
#include "dashboard/watch_list.h"

namespace pmoe {

class Dashboard::Site {
 public:
  // where: for messages.
  Site(const DashboardOptions& options, Access access, ListeningSocket socket, std::string where);

 private:
  // Nullopt: the request may be answered.
  std::optional<HttpAnswer> Refuse(const HttpRequest& request) const;
  HttpAnswer Answer(const HttpRequest& request);
  HttpAnswer Runs();
  HttpAnswer Details(const HttpRequest& request);
  HttpAnswer Differences(const HttpRequest& request);
  HttpAnswer Video(const HttpRequest& request);
  HttpAnswer Actors(const HttpRequest& request);
  HttpAnswer Events(const HttpRequest& request);

  const Access access_;
  const std::string own_;
  RunCatalog catalog_;
  WatchList watches_;
  SummaryBook summaries_;
  OwnRun own_run_;
  std::unique_ptr<HttpServer> server_;  // its threads use the rest
};

}  // namespace pmoe
