// The shard's process in a Simulation: it starts, is killed, and comes back.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/log/log_reader.h"
#include "tests/replay/simulation/sim_connection.h"

namespace pmoe {
namespace {

constexpr uint64_t kWithoutLog = 1'000'000;  // positions that nobody asks for

}  // namespace

CreateTableRequest Simulation::TableRequest() const {
  CreateTableRequest request;
  request.mutable_columns()->set_obs_dim(kSimSpec.obs_dim);
  request.mutable_columns()->set_action_dim(kSimSpec.action_dim);
  request.mutable_columns()->set_extra_dim(kSimSpec.extra_dim);
  request.set_capacity(plan_.evicts ? 1200 : 1'000'000);
  request.set_n_step(1);
  request.set_gamma(kSimGamma);
  request.set_durability(plan_.durability);
  request.set_newest_version(version_);
  if (plan_.on_policy) {
    request.mutable_on_policy()->set_rollout_steps(kSimRolloutRows);
    request.mutable_on_policy()->set_max_lag(2);
  } else if (plan_.limited) {
    request.mutable_limiter()->set_min_size(1);
    request.mutable_limiter()->set_samples_per_insert(0.5);
    request.mutable_limiter()->set_error_window(200);
    request.mutable_limiter()->set_sample_max(kSimBatch);
  }
  return request;
}

uint64_t Simulation::End() const {
  const SegmentLog* const log = holder_->log();
  return log == nullptr ? timeline_.size() + kWithoutLog : log->end();
}

void Simulation::AddOp(SimOp op) {
  if (disk_.dead() || failed()) return;
  if (op.end == 0) op.end = End();
  op.at = clock_.Now();
  op.sampled = sampled_;
  Say("  ", op.Text());
  std::string wrong = state_.Apply(sent_, op);
  timeline_.push_back(std::make_shared<SimOp>(std::move(op)));
  if (!wrong.empty()) Fail(std::move(wrong));
}

void Simulation::Adopt(Timeline timeline) {
  timeline_ = std::move(timeline);
  state_ = SimState();
  for (const auto& op : timeline_) (void)state_.Apply(sent_, *op);
}

// As ReplayServer::CreateTable.
absl::Status Simulation::CreateTable(const std::string& restore) {
  quiet_ = true;
  std::vector<std::string> warnings;
  CreateTableRequest request = TableRequest();
  request.set_restore(restore);
  const auto create = [&]() -> absl::Status {
    PMOE_RETURN_IF_ERROR(holder_->Create(request, &warnings));
    holder_->SetPublished(version_, /*now=*/true);
    if (!holder_->Restores(restore)) return holder_->StartLog("");
    for (const auto& connection : connections_) connection->cut = true;
    for (Writer& writer : writers_) writer.connection = nullptr;
    connections_.clear();
    restored_.reset();
    PMOE_ASSIGN_OR_RETURN(const std::string restored, holder_->Restore(restore, &warnings));
    restored_ = restored;
    if (holder_->log() == nullptr) FindPosition(restored);
    return holder_->StartLog(restored);
  };
  const absl::Status status = create();
  quiet_ = false;
  for (const std::string& warning : warnings) Say("  warning: ", warning);
  Say("CreateTable, restore \"", restore, "\": ", status.ToString(), ", restored ",
      restored_.value_or("nothing"));
  return status;
}

// Up to where the log is read, behind the checkpoint.
void Simulation::FindPosition(const std::string& restored) {
  std::optional<uint64_t> from;
  if (restored != "log" && !restored.empty()) {
    const auto history = ReadHistory(absl::StrCat(disk_.dir(), "/", restored, ".table"));
    if (!history.ok()) return Fail(history.status().ToString());
    from = history->log_position;
  }
  const LogVisitor say = {
      .record = [this](uint64_t position, absl::string_view, absl::string_view record) {
        Say("  record ", position, " of kind ", static_cast<int>(record[0]), ", ",
            RowsOfRecord(record), " rows");
        return absl::OkStatus();
      }};
  const auto scan = ReadLog(disk_.dir(), from, say);
  const auto end = EndOfLog(disk_.dir());
  if (!scan.ok() || !end.ok()) return Fail("the log cannot be read");
  position_ = scan->end;
  gap_ = gap_ || position_ > *end;
  const auto files = TableFiles(disk_.dir()).NewestFirst();
  if (!files.ok()) return Fail(files.status().ToString());
  for (const auto& file : *files) gap_ = gap_ || file.log_position > position_;
}

void Simulation::Start() {
  if (holder_ == nullptr) {
    Say("the shard starts");
    SegmentLogOptions log;
    log.segment_bytes = segment_bytes_;
    log.clock = &clock_;
    log.own_thread = false;
    log.pending_bytes_max = 20'000;
    holder_ = std::make_unique<TableHolder>(disk_.dir(), log);
  }
  const int64_t errors = disk_.errors();
  const absl::Status status = CreateTable("newest");
  if (disk_.dead()) return;
  if (status.ok()) {
    ready_ = true;
    return Recovered(restored_.value_or(""));
  }
  if (disk_.errors() == errors) Fail(absl::StrCat("the shard does not start: ", status.ToString()));
}

void Simulation::Stop(bool in_order) {
  quiet_ = true;
  if (in_order) {
    Say("the shard ends in order");
    const std::string name = absl::StrCat("aside-", NextSave());
    saved_[NextSave()] = timeline_;
    maybe_.insert(name);
    if (holder_->SaveAtEnd().ok()) {
      flipped_.erase(absl::StrCat(name, ".table"));
      newest_ = name;
      maybe_.clear();
    }
  }
  for (const auto& connection : connections_) connection->cut = true;
  for (Writer& writer : writers_) writer.connection = nullptr;
  connections_.clear();
  if (holder_ != nullptr && holder_->log() != nullptr) log_errors_ |= LogFailed();
  holder_ = nullptr;
  ready_ = false;
  set_back_to_.clear();
  quiet_ = false;
}

// A log that has dropped records, or fails, promises nothing without wal.
bool Simulation::LogFailed() const {
  const SegmentLogStats stats = holder_->log()->stats();
  return stats.dropped > 0 || !stats.failing.empty();
}

void Simulation::Kill(bool power_lost) {
  Say(power_lost ? "the power is lost" : "the shard is killed");
  ++result_.seen[power_lost ? "power losses" : "kills"];
  disk_.Kill();
  Stop(/*in_order=*/false);
  disk_.Restart(power_lost);
  if (trace_) {
    for (const std::string& name : disk_.Names()) Say("  on disk: ", name);
  }
}

// What the shard came back with is a beginning of what it had.
void Simulation::Recovered(const std::string& restored) {
  ++result_.seen[restored.empty() ? "starts from nothing"
                                  : (restored == "log" ? "starts from the log alone"
                                                       : "starts from a checkpoint")];
  std::vector<Timeline> candidates;
  if (restored.empty()) {
    candidates.push_back({});
  } else if (plan_.durability == DURABILITY_NONE) {
    candidates.push_back(saved_[NumberOf(restored)]);
  } else {
    for (const Timeline* from : AllTimelines()) {
      Timeline candidate;
      for (const auto& op : *from) {
        if (op->end <= position_) candidate.push_back(op);
      }
      candidates.push_back(std::move(candidate));
    }
  }
  std::string why;
  const Timeline before = timeline_;
  const auto found = std::find_if(candidates.begin(), candidates.end(),
                                  [&](const Timeline& one) { return Matches(one, &why); });
  if (found == candidates.end()) {
    return Fail(absl::StrCat("after a restart (from \"", restored, "\", log position ", position_,
                             ") the shard is none that it was: ", why));
  }
  const ShardStats stats = holder_->shard()->Stats();
  Timeline after = *found;
  const int64_t sampled = after.empty() ? 0 : after.back()->sampled;
  if (stats.sampled > most_sampled_ || (stats.sampled < sampled && plan_.on_policy)) {
    Fail(absl::StrCat(stats.sampled, " rows sampled, of ", sampled, " to ", most_sampled_));
  }
  if (!set_back_under_way_) CheckPromise(before, after, restored);
  past_.push_back(before);
  if (past_.size() > 6) past_.erase(past_.begin());
  Adopt(std::move(after));
  sampled_ = stats.sampled;
  refused_ = stats.refused;
  log_flipped_ = set_back_under_way_ = log_errors_ = false;
  log_failed_at_.reset();
  CheckShard();
}

uint64_t Simulation::NextSave() const {
  const auto files = TableFiles(disk_.dir()).NewestFirst();
  return files.ok() ? TableFiles::NextNumber(*files) : 0;
}

uint64_t Simulation::NumberOf(const std::string& name) const {
  const auto history = ReadHistory(absl::StrCat(disk_.dir(), "/", name, ".table"));
  return history.ok() ? history->number : 0;
}

std::vector<const Timeline*> Simulation::AllTimelines() const {
  std::vector<const Timeline*> all = {&timeline_};
  for (auto one = past_.rbegin(); one != past_.rend(); ++one) all.push_back(&*one);
  return all;
}

}  // namespace pmoe
