#include "replay/load/table_source.h"

#include <tuple>

namespace pmoe {

absl::StatusOr<std::unique_ptr<RowSource>> TableSource::Open(const std::string& path) {
  absl::StatusOr<ReplayTable> table = ReplayTable::FromFile(path);
  if (table.ok()) return std::unique_ptr<RowSource>(new TableSource(*std::move(table)));
  // Whoever names a file can name another one.
  if (!absl::IsDataLoss(table.status())) return table.status();
  return absl::InvalidArgumentError(table.status().message());
}

absl::StatusOr<uint64_t> TableSource::Visit(Visitor visit) {
  absl::Status status;
  StoredStep last;
  SourceRow row;
  table_.VisitSteps([&](const StoredStep& step) {
    if (!status.ok()) return;  // the table cannot be told to stop, and needs no time to the end
    const auto stream = [](const StoredStep& of) {
      return std::tie(of.member, of.actor, of.epoch, of.env);
    };
    row.follows = stream(step) == stream(last) && step.step == last.step + 1;
    row.transition = step.transition;
    row.transition.policy_version = 0;
    status = visit(row);
    last = step;
    ++row.index;
  });
  if (!status.ok()) return status;
  return 0;
}

}  // namespace pmoe
