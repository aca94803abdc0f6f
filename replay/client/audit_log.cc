#include "replay/client/audit_log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/row_crc.h"

namespace pmoe {
namespace {

// Row i of the chunk as one transition.
Transition RowOf(const TableSpec& spec, const Chunk& chunk, uint32_t i) {
  const size_t obs = static_cast<size_t>(spec.obs_dim);
  const size_t actions = static_cast<size_t>(spec.action_dim);
  Transition row;
  row.obs = absl::MakeConstSpan(chunk.observations.data() + i * obs, obs);
  row.action = absl::MakeConstSpan(chunk.actions.data() + i * actions, actions);
  row.reward = chunk.rewards[i];
  row.terminated = chunk.terminated[i] != 0;
  row.truncated = chunk.truncated[i] != 0;
  row.next_obs = absl::MakeConstSpan(chunk.observations.data() + (i + 1) * obs, obs);
  row.policy_version = chunk.policy_version[i];
  return row;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Create(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Create(path));
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(file)));
}

void AuditLog::OnChunk(const TableSpec& spec, const Chunk& chunk) {
  std::string text;
  for (uint32_t i = 0; i < chunk.rows; ++i) {
    absl::StrAppend(&text, "row ", chunk.actor, " ", chunk.epoch, " ", chunk.env, " ",
                    chunk.first_step + i, " ",
                    absl::Hex(RowCrc(RowOf(spec, chunk, i)), absl::kZeroPad8), " ",
                    chunk.policy_version[i], "\n");
  }
  if (rows_.empty()) first_seq_ = chunk.seq;  // a run that goes on does not begin with 0
  rows_.push_back(chunk.rows);
  Append(text);
}

void AuditLog::OnAcked(uint64_t next_seq) {
  if (next_seq <= first_seq_) return;
  while (first_seq_ < next_seq && !rows_.empty()) {
    acked_rows_ += rows_.front();
    rows_.pop_front();
    ++first_seq_;
  }
  Append(absl::StrCat("acked ", first_seq_, " ", acked_rows_, "\n"));
}

// An audit that cannot be written must not end what it audits; the checker sees the hole.
void AuditLog::Append(const std::string& text) { file_.Append(text).IgnoreError(); }

}  // namespace pmoe
