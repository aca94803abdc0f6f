// Keeps the past of this process's own run while nobody looks, so that a page opened in the morning
// shows the night: a thread of its own that looks every kEvery_s. Ends with its owner.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "common/base/mutex.h"
#include "dashboard/run_catalog.h"
#include "dashboard/watch_list.h"

namespace pmoe {

class OwnRun {
 public:
  static constexpr double kEvery_s = 2.0;

  // directory: empty: there is none, and no thread. The others outlive it.
  OwnRun(std::string directory, RunCatalog* catalog, WatchList* watches);
  ~OwnRun();

 private:
  void Look();
  void Work() ABSL_LOCKS_EXCLUDED(mu_);

  const std::string directory_;
  RunCatalog* const catalog_;
  WatchList* const watches_;
  std::shared_ptr<RunWatch> run_;  // the thread's; null: not found yet
  Mutex mu_;
  CondVar changed_;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace pmoe
