#include "replay/service/table_holder.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/memory_limit.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "replay/core/size_warnings.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

constexpr absl::string_view kNewest = "newest";

// What must not differ between two calls.
CreateTableRequest Lasting(CreateTableRequest request) {
  request.clear_learner();
  request.clear_restore();
  request.clear_first_round();
  request.clear_seat_key();
  request.clear_newest_version();
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

absl::StatusOr<bool> TableHolder::Create(const CreateTableRequest& request,
                                         std::vector<std::string>* warnings) {
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
  // How many the learner keeps, it says itself where it sees this disk.
  *warnings = SizeWarnings(FullSize(options), MemoryLimit(), /*tables=*/2, /*state_bytes=*/0, dir_,
                           DiskSpaceAt(dir_));
  return true;
}

bool TableHolder::Restores(absl::string_view restore, bool created) {
  return !restore.empty() && (restore != kNewest || created);
}

absl::StatusOr<std::string> TableHolder::Restore(const std::string& restore,
                                                 std::vector<std::string>* warnings) {
  PMOE_ASSIGN_OR_RETURN(ReplayShard* const shard, Shard());
  if (restore == kNewest) return RestoreNewest(shard, warnings);
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(restore));
  PMOE_RETURN_IF_ERROR(shard->Load(path));
  return restore;
}

absl::StatusOr<std::string> TableHolder::RestoreNewest(ReplayShard* shard,
                                                       std::vector<std::string>* warnings) {
  MutexLock lock(&files_mu_);
  PMOE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.NewestFirst());
  for (const std::string& name : names) {
    PMOE_ASSIGN_OR_RETURN(const std::string path, files_.Path(name));
    const absl::Status loaded = shard->Load(path);
    if (loaded.ok()) return name;
    if (!absl::IsDataLoss(loaded)) return loaded;
    warnings->push_back(absl::StrCat("passed over a checkpoint: ", loaded.message()));
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
