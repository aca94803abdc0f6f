#include "replay/service/served_table.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr size_t kFailingMax = 512;  // bytes; the learner looks at it

// A stream that is cancelled ends at once, or at the next question in a wait.
constexpr std::chrono::milliseconds kEvictionMax{5000};

// For people.
std::string DurabilityText(const SegmentLog* log) {
  if (log == nullptr) return "none";
  const SegmentLogStats stats = log->stats();
  const char* const name = log->acks_wait() ? "wal" : "async";
  if (stats.failing.empty()) return absl::StrFormat("%s, %.1f s behind", name, stats.behind_s);
  return absl::StrFormat("%s, FAILING for %.0f s: %s", name, stats.behind_s,
                         PrintableText(stats.failing, kFailingMax));
}

}  // namespace

absl::Status ServedTable::Open(const CreateTableRequest& request, CreateTableReply* reply,
                               std::vector<std::string>* warnings) {
  // Another life of the learner goes by its configuration; one that only comes back does not.
  const uint64_t epoch = request.learner().learner_epoch();
  if (std::exchange(made_by_, epoch) != epoch && holder_.shard() != nullptr) {
    holder_.shard()->ResetLimiter();
  }
  if (request.has_newest_version()) {
    // 0: a learner that has just begun, which does not know yet what actors have.
    holder_.SetPublished(request.newest_version(), /*now=*/request.newest_version() > 0);
  }
  if (!holder_.Restores(request.restore())) return holder_.StartLog("");
  // Writers must not go on with numbers from before the table was set back: they leave, and come
  // back with a hello.
  streams_.EvictAll();
  if (!streams_.AwaitEmpty(kEvictionMax)) {
    return absl::UnavailableError("cannot restore yet: writers do not leave; try again");
  }
  PMOE_ASSIGN_OR_RETURN(*reply->mutable_restored(), holder_.Restore(request.restore(), warnings));
  return holder_.StartLog(reply->restored());
}

absl::StatusOr<ReplayShard*> ServedTable::Shard() const {
  if (name_.empty()) return holder_.Shard();
  ReplayShard* const shard = holder_.shard();
  if (shard != nullptr) return shard;
  return absl::UnavailableError(
      absl::StrCat("the table \"", name_, "\" is not ready yet; the learner will restore it"));
}

ShardStats ServedTable::Counts() const {
  const ReplayShard* const shard = holder_.shard();
  return shard == nullptr ? ShardStats() : shard->Stats();
}

std::string ServedTable::Explain() const {
  const ReplayShard* const shard = holder_.shard();
  return shard == nullptr ? "" : shard->Explain();
}

SegmentLogStats ServedTable::LogStats() const {
  const SegmentLog* const log = holder_.log();
  return log == nullptr ? SegmentLogStats() : log->stats();
}

TableStats ServedTable::Stats() const {
  const ShardStats counts = Counts();
  TableStats stats;
  stats.set_has_table(holder_.shard() != nullptr);
  stats.set_limiter(Explain());
  stats.set_size(counts.size);
  stats.set_inserted(counts.inserted);
  stats.set_loaded(counts.loaded);
  stats.set_sampled(counts.sampled);
  stats.set_bytes(counts.bytes);
  stats.set_next_round(counts.next_round);
  stats.set_newest_version(counts.newest_version);
  stats.set_insert_blocked_s(counts.inserts_blocked.total);
  stats.set_sample_blocked_s(counts.samples_blocked.total);
  stats.set_duplicates(counts.duplicates);
  stats.set_crc_errors(crc_errors_);
  stats.set_rows_lost(static_cast<int64_t>(counts.rows_lost));
  stats.set_writers(streams_.count());
  stats.set_refused(counts.refused);
  stats.set_priorities_gone(counts.priorities_gone);
  stats.set_durability(DurabilityText(holder_.log()));
  return stats;
}

std::function<absl::Status()> ServedTable::AwaitAck(std::function<bool()> stop) const {
  SegmentLog* const log = holder_.log();
  if (log == nullptr) return nullptr;
  return [log, stop = std::move(stop)] { return log->AwaitAck(stop); };
}

}  // namespace pmoe
