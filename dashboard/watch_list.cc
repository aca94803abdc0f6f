#include "dashboard/watch_list.h"

#include <optional>
#include <utility>

namespace pmoe {

std::shared_ptr<RunWatch> WatchList::Watch(const std::string& id) {
  const std::optional<RunEntry> entry = catalog_->Find(id);
  if (!entry.has_value()) return nullptr;
  MutexLock lock(&mu_);
  std::erase_if(watches_, [](const auto& watch) { return watch.second.expired(); });
  std::weak_ptr<RunWatch>& slot = watches_[id];
  std::shared_ptr<RunWatch> watch = slot.lock();
  if (watch == nullptr) {
    watch = std::make_shared<RunWatch>(id, entry->path, live_);
    slot = watch;
  }
  return watch;
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
