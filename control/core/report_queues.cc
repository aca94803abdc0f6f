#include "control/core/report_queues.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pmoe {

void ReportQueues::Push(size_t actor, ActorReport report) {
  queues_.resize(std::max(queues_.size(), actor + 1));
  queues_[actor].push_back(std::move(report));
  if (queues_[actor].size() > kPerActor_max) queues_[actor].pop_front();
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
  for (std::deque<ActorReport>& queue : queues_) {
    reports.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return reports;
}

std::vector<ActorReport> ReportQueues::TakeAll() {
  std::vector<ActorReport> reports;
  for (std::deque<ActorReport>& queue : queues_) {
    std::move(queue.begin(), queue.end(), std::back_inserter(reports));
    queue.clear();
  }
  return reports;
}

absl::Status ReportQueues::Late(std::chrono::seconds waited) const {
  return absl::DeadlineExceededError(absl::StrCat("no report for ", waited.count(),
                                                  " s from actor ", absl::StrJoin(Missing(), ", "),
                                                  "; the run stops"));
}

}  // namespace pmoe
