#include "control/core/report_queues.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pmoe {

void ReportQueues::Push(size_t actor, ActorReport report) {
  queues_.resize(std::max(queues_.size(), actor + 1));
  std::deque<ActorReport>& queue = queues_[actor];
  episodes_ += report.episodes.size();
  queue.push_back(std::move(report));
  while (queue.size() > kPerActor_max || (queue.size() > 1 && episodes_ > kEpisodes_max)) {
    Pop(actor);
  }
}

ActorReport ReportQueues::Pop(size_t actor) {
  ActorReport report = std::move(queues_[actor].front());
  queues_[actor].pop_front();
  episodes_ -= report.episodes.size();
  return report;
}

std::vector<size_t> ReportQueues::Missing() const {
  std::vector<size_t> missing;
  for (size_t actor = 0; actor < queues_.size(); ++actor) {
    if (queues_[actor].empty()) missing.push_back(actor);
  }
  return missing;
}

std::optional<std::vector<ActorReport>> ReportQueues::TakeRound() {
  if (!Missing().empty()) return std::nullopt;
  std::vector<ActorReport> reports;
  for (size_t actor = 0; actor < queues_.size(); ++actor) reports.push_back(Pop(actor));
  return reports;
}

std::vector<ActorReport> ReportQueues::TakeAll() {
  std::vector<ActorReport> reports;
  for (std::deque<ActorReport>& queue : queues_) {
    std::move(queue.begin(), queue.end(), std::back_inserter(reports));
    queue.clear();
  }
  episodes_ = 0;
  return reports;
}

absl::Status ReportQueues::Late(std::chrono::seconds waited) const {
  return absl::DeadlineExceededError(absl::StrCat("no report for ", waited.count(),
                                                  " s from actor ", absl::StrJoin(Missing(), ", "),
                                                  "; the run stops"));
}

}  // namespace pmoe
