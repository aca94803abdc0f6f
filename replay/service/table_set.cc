#include "replay/service/table_set.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "replay/service/table_files.h"
#include "replay/wire/table_name.h"
#include "replay/wire/table_request.h"

namespace pmoe {

TableSet::TableSet(std::string dir)
    : dir_(std::move(dir)),
      own_(tables_.emplace("", std::make_unique<ServedTable>("", dir_)).first->second.get()) {}

ServedTable* TableSet::Get(const std::string& name) const {
  MutexLock lock(&mu_);
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : found->second.get();
}

absl::StatusOr<ServedTable*> TableSet::Find(const std::string& name) const {
  if (ServedTable* const table = Get(name); table != nullptr) return table;
  PMOE_RETURN_IF_ERROR(CheckTableName("table", name));
  std::vector<std::string> names;
  for (const ServedTable* const table : All()) {
    if (!table->name().empty()) names.push_back(table->name());
  }
  return absl::UnavailableError(
      absl::StrCat("this shard has no table \"", name, "\" now, only its run's own",
                   names.empty() ? "" : absl::StrCat(" and ", absl::StrJoin(names, ", ")),
                   "; a table is there once the learner has made it"));
}

absl::StatusOr<ServedTable*> TableSet::Make(const CreateTableRequest& request,
                                            std::vector<std::string>* warnings) {
  if (ServedTable* const table = Get(request.table()); table != nullptr) {
    PMOE_RETURN_IF_ERROR(table->holder()->Create(request, warnings));
    return table;
  }
  PMOE_RETURN_IF_ERROR(CheckTableName("table", request.table()));
  if (All().size() >= kTablesMax) {
    return absl::FailedPreconditionError(
        absl::StrCat("table \"", request.table(), "\" would be one more than the ", kTablesMax,
                     " that a shard may have, its run's own included; use one of those, or start "
                     "the shard anew"));
  }
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<ServedTable> table, New(request, warnings));
  MutexLock lock(&mu_);
  return tables_.emplace(request.table(), std::move(table)).first->second.get();
}

absl::StatusOr<std::unique_ptr<ServedTable>> TableSet::New(
    const CreateTableRequest& request, std::vector<std::string>* warnings) const {
  PMOE_RETURN_IF_ERROR(ShardOptions(request).Validate());  // before there is a folder for it
  const std::string dir = NamedTableFolder(dir_, request.table());
  PMOE_RETURN_IF_ERROR(MakeDirs(dir));
  SweepTemporaries(dir);
  auto table = std::make_unique<ServedTable>(request.table(), dir);
  PMOE_RETURN_IF_ERROR(table->holder()->Create(request, warnings));
  return table;
}

std::vector<ServedTable*> TableSet::All() const {
  MutexLock lock(&mu_);
  std::vector<ServedTable*> all;
  for (const auto& [name, table] : tables_) all.push_back(table.get());
  return all;
}

}  // namespace pmoe
