#include "dashboard/watch_list.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace pmoe {
namespace {

constexpr double kKeep_s = 60.0;
constexpr int kIdleMax = 16;  // whoever asks for many runs must not fill the memory with them

}  // namespace

std::shared_ptr<RunWatch> WatchList::Watch(const std::string& id) {
  const std::optional<RunEntry> entry = catalog_->Find(id);
  if (!entry.has_value()) return nullptr;
  MutexLock lock(&mu_);
  Forget();
  Slot& slot = watches_[id];
  slot.since_asked.Lap();
  if (slot.watch == nullptr) slot.watch = std::make_shared<RunWatch>(id, entry->path, live_);
  return slot.watch;
}

void WatchList::Forget() {
  const auto idle = [](const auto& watch) { return watch.second.watch.use_count() == 1; };
  std::erase_if(watches_, [&](const auto& watch) {
    return idle(watch) && watch.second.since_asked.Elapsed() > kKeep_s;
  });
  if (std::count_if(watches_.begin(), watches_.end(), idle) < kIdleMax) return;
  std::erase_if(watches_, idle);
}

Viewer::Viewer(std::vector<std::shared_ptr<RunWatch>> runs) {
  for (std::shared_ptr<RunWatch>& run : runs) seen_.push_back({std::move(run), {}});
}

std::string Viewer::News() {
  std::string news;
  for (Seen& seen : seen_) news += seen.run->News(&seen.cursor);
  return news;
}

}  // namespace pmoe
