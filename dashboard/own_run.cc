#include "dashboard/own_run.h"

#include <chrono>
#include <utility>

#include "common/base/clock.h"
#include "common/base/thread_name.h"

namespace pmoe {

OwnRun::OwnRun(std::string directory, RunCatalog* catalog, WatchList* watches)
    : directory_(std::move(directory)), catalog_(catalog), watches_(watches) {
  if (!directory_.empty()) thread_ = std::thread([this] { Work(); });
}

OwnRun::~OwnRun() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(&mu_);
    over_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void OwnRun::Look() {
  if (run_ == nullptr) run_ = watches_->Watch(catalog_->IdOf(directory_));
  if (run_ != nullptr) run_->Refresh();
}

void OwnRun::Work() {
  NameThread("dashboard");
  const auto every =
      std::chrono::duration_cast<Clock::Duration>(std::chrono::duration<double>(kEvery_s));
  for (;;) {
    Look();
    MutexLock lock(&mu_);
    const Clock::Time until = Clock::Real()->Now() + every;
    while (!over_ && Clock::Real()->Now() < until) changed_.WaitUntil(&mu_, until);
    if (over_) return;
  }
}

}  // namespace pmoe
