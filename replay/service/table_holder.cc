#include "replay/service/table_holder.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory_limit.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "replay/core/size_warnings.h"

namespace pmoe {
namespace {

constexpr absl::string_view kNewest = "newest";

ReplayShardOptions ShardOptions(const CreateTableRequest& request) {
  ReplayShardOptions options;
  options.spec = {request.columns().obs_dim(), request.columns().action_dim(),
                  request.columns().extra_dim()};
  options.table.capacity = request.capacity();
  options.table.bytes_max = request.bytes_max();
  options.table.n_step = request.n_step();
  options.table.gamma = request.gamma();
  options.stage.actors = request.lockstep() ? request.actors() : 1;
  options.stage.first_round = request.first_round();
  options.seed = request.seed();
  options.index = request.shard();
  options.gate.granted_inserts = request.granted_inserts();
  if (request.has_on_policy()) {
    options.table.fifo = FifoOptions{.rollout_steps = request.on_policy().rollout_steps(),
                                     .max_lag = request.on_policy().max_lag()};
  }
  if (!request.has_limiter()) return options;
  options.gate.limiter =
      RateLimiterOptions{.min_size = request.limiter().min_size(),
                         .samples_per_insert = request.limiter().samples_per_insert(),
                         .error_window = request.limiter().error_window(),
                         .insert_max = kPageRows,
                         .sample_max = request.limiter().sample_max()};
  return options;
}

// What must not differ between two calls.
CreateTableRequest Lasting(CreateTableRequest request) {
  request.clear_learner();
  request.clear_restore();
  request.clear_first_round();
  return request;
}

absl::Status CheckSame(const CreateTableRequest& had, const CreateTableRequest& wanted) {
  google::protobuf::util::MessageDifferencer differencer;
  std::string differences;
  differencer.ReportDifferencesToString(&differences);
  if (differencer.Compare(Lasting(had), Lasting(wanted))) return absl::OkStatus();
  while (!differences.empty() && differences.back() == '\n') differences.pop_back();
  return absl::FailedPreconditionError(
      absl::StrCat("this shard has a table that is not the one asked for: ", differences,
                   "; restart the shard for another table"));
}

}  // namespace

absl::StatusOr<bool> TableHolder::Create(const CreateTableRequest& request) {
  const ReplayShardOptions options = ShardOptions(request);
  {
    MutexLock lock(&mu_);
    if (shard_ != nullptr) {
      PMOE_RETURN_IF_ERROR(CheckSame(request_, request));
      return false;
    }
    PMOE_ASSIGN_OR_RETURN(shard_, ReplayShard::Create(options));
    request_ = request;
  }
  for (const std::string& warning : SizeWarnings(FullSize(options), MemoryLimit(),
                                                 /*state_bytes=*/0, dir_, DiskSpaceAt(dir_))) {
    Log(LogLevel::kWarning, warning);
  }
  return true;
}

bool TableHolder::Restores(absl::string_view restore, bool created) {
  return !restore.empty() && (restore != kNewest || created);
}

absl::StatusOr<std::string> TableHolder::Restore(const std::string& restore) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, Shard());
  if (restore == kNewest) {
    std::vector<absl::Status> damaged;
    absl::StatusOr<std::string> restored = RestoreNewest(shard, &damaged);
    for (const absl::Status& status : damaged) {
      Log(LogLevel::kWarning, "passed over a checkpoint: ", status.message());
    }
    return restored;
  }
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(restore));
  PMOE_RETURN_IF_ERROR(shard->Load(path));
  return restore;
}

absl::StatusOr<std::string> TableHolder::RestoreNewest(ReplayShard* shard,
                                                       std::vector<absl::Status>* damaged) {
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.NewestFirst());
  for (const std::string& name : names) {
    PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(name));
    const absl::Status loaded = shard->Load(path);
    if (loaded.ok()) return name;
    if (!absl::IsDataLoss(loaded)) return loaded;
    damaged->push_back(loaded);
  }
  return "";
}

absl::StatusOr<int64_t> TableHolder::Save(const std::string& name, std::vector<std::string> keep) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, Shard());
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(name));
  PMOE_RETURN_IF_ERROR(shard->Save(path));
  keep.push_back(name);
  PMOE_RETURN_IF_ERROR(files_.KeepOnly(keep));
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return FileError("look at", path, error.value());
  return static_cast<int64_t>(bytes);
}

absl::Status TableHolder::SaveAtEnd() {
  ReplayShard* const shard = this->shard();
  if (shard == nullptr) return absl::OkStatus();
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(absl::StrCat(shard->inserted())));
  if (lockstep() && std::filesystem::exists(path)) return absl::OkStatus();
  return shard->Save(path);
}

ReplayShard* TableHolder::shard() const {
  MutexLock lock(&mu_);
  return shard_.get();
}

absl::StatusOr<ReplayShard*> TableHolder::Shard() const {
  ReplayShard* const shard = this->shard();
  if (shard != nullptr) return shard;
  return absl::UnavailableError("this shard has no table yet; its learner will make it");
}

bool TableHolder::lockstep() const {
  MutexLock lock(&mu_);
  return request_.lockstep();
}

}  // namespace pmoe
