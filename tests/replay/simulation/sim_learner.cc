// The learner of a Simulation.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/replay/simulation/simulation.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kNow{0};

}  // namespace

void Simulation::Speak() {
  if (up() && ready_) holder_->shard()->SetPublished(version_, /*now=*/true);
}

void Simulation::Learn() {
  if (!up() || !ready_) return;
  Speak();
  if (plan_.on_policy) return TakeRollout();
  Sample();
  if (Chance(20)) ++version_;
}

void Simulation::Sample() {
  Minibatch batch(kSimSpec, kSimBatch);
  const absl::Status status = holder_->shard()->Sample(&batch, kNow);
  if (!status.ok()) return;
  sampled_ += kSimBatch;
  most_sampled_ = std::max(most_sampled_, sampled_);
  for (int i = 0; i < kSimBatch; ++i) {
    const auto name = NameOfObs(batch.obs() + i * kSimSpec.obs_dim);
    const auto row = name.has_value() ? rows_.find(*name) : rows_.end();
    if (row == rows_.end() || !state_.held.contains(*name)) {
      return Fail(absl::StrCat("sampled a row that is not held: ",
                               name.has_value() ? name->Text() : "nobody's"));
    }
    RowName next = *name;
    ++next.step;
    const std::vector<float> next_obs = ObsOf(next), action = ActionOf(row->second);
    const bool whole =
        std::equal(next_obs.begin(), next_obs.end(), batch.next_obs() + i * kSimSpec.obs_dim) &&
        std::equal(action.begin(), action.end(), batch.action() + i * kSimSpec.action_dim) &&
        batch.reward()[i] == RewardOf(row->second) &&
        batch.discount()[i] == (row->second.terminated ? 0.0f : kSimGamma) &&
        batch.policy_version()[i] == row->second.version;
    if (!whole) return Fail(absl::StrCat("sampled a torn row: ", name->Text()));
  }
}

void Simulation::TakeRollout() {
  const RolloutRequest request{.steps = kSimRolloutRows,
                               .version_min = version_ > 3 ? version_ - 3 : 0};
  const bool again = ticket_ == state_.ticket;
  const auto rollout = holder_->shard()->TakeRollout(ticket_, request, kNow);
  if (!rollout.ok() && !absl::IsDeadlineExceeded(rollout.status())) {
    return Fail(rollout.status().ToString());
  }
  const uint64_t end = End();
  const uint64_t aged_end = rollout.ok() && end > 0 ? end - 1 : end;
  if (!again) AddOp({.kind = SimOp::kAged, .end = aged_end, .version_min = request.version_min});
  if (!rollout.ok()) return;
  const std::vector<RowName> taken = CheckRollout(**rollout);
  if (again && taken != state_.taken) return Fail("a rollout was given again with other rows");
  if (!again) {
    sampled_ += kSimRolloutRows;
    most_sampled_ = std::max(most_sampled_, sampled_);
    AddOp({.kind = SimOp::kTaken, .end = end, .ticket = ticket_, .taken = taken});
    ++result_.seen["rollouts"];
  } else {
    ++result_.seen["rollouts given again"];
  }
  const std::shared_ptr<SimOp> op = again || timeline_.empty() ? nullptr : timeline_.back();
  int asked = 0;
  SegmentLog* const log = holder_->log();
  const auto gone = [&] { return disk_.dead() || failed() || ++asked > (in_turn_ ? 1 : 50); };
  if (log != nullptr && !log->AwaitAck(gone).ok()) return;
  if (disk_.dead()) return;
  if (op != nullptr) op->acked = clock_.Now();
  if (Chance(25)) return;  // the answer is lost
  ++ticket_.id;
  ++version_;
}

void Simulation::Checkpoint() {
  if (!up() || !ready_) return;
  const std::string name = absl::StrCat("s", ++saves_);
  std::vector<std::string> keep = kept_;
  if (keep.size() >= 2) keep.erase(keep.begin(), keep.end() - (Chance(70) ? 1 : 0));
  Say("checkpoint ", name, " at log position ", End());
  saved_[NextSave()] = timeline_;
  maybe_.insert(name);
  const int64_t errors = disk_.errors();
  const auto saved = holder_->Save(name, keep);
  if (disk_.dead()) return;
  Say("checkpoint ", name, ": ", saved.status().ToString());
  if (!saved.ok()) {
    if (disk_.errors() == errors) Fail(saved.status().ToString());
    return;
  }
  ++result_.seen["checkpoints"];
  kept_ = keep;
  kept_.push_back(name);
  newest_ = name;
  maybe_.clear();
}

// As the shard does by itself once its log is long, or because somebody asks.
void Simulation::SaveAside() {
  if (!up() || !ready_) return;
  const std::string expected = absl::StrCat("aside-", NextSave());
  Say("checkpoint ", expected, " at log position ", End());
  saved_[NextSave()] = timeline_;
  maybe_.insert(expected);
  const int64_t errors = disk_.errors();
  const absl::StatusOr<std::string> name = holder_->SaveAside();
  if (disk_.dead()) return;
  Say("checkpoint ", expected, ": ", name.status().ToString());
  if (!name.ok()) {
    if (disk_.errors() == errors) Fail(name.status().ToString());
    return;
  }
  ++result_.seen["checkpoints aside"];
  flipped_.erase(absl::StrCat(expected, ".table"));
  newest_ = expected;
  maybe_.clear();
}

// The learner goes back to a checkpoint, and the table with it.
void Simulation::SetBack() {
  if (!up() || (!ready_ && set_back_to_.empty())) return;
  std::vector<std::string> sound;
  for (const std::string& name : kept_) {
    const std::string file = absl::StrCat(name, ".table");
    const std::vector<std::string> files = disk_.Names();
    if (std::find(files.begin(), files.end(), file) == files.end()) continue;
    if (!flipped_.contains(file)) sound.push_back(name);
  }
  if (sound.empty()) return;
  const std::string name =
      set_back_to_.empty() ? sound[Draw(sound.size())] : std::string(set_back_to_);
  const Timeline then = saved_[NumberOf(name)];
  past_.push_back(timeline_);
  past_.push_back(then);
  if (plan_.durability != DURABILITY_NONE) saved_[NextSave()] = then;  // also if it fails then
  set_back_under_way_ = true;
  ready_ = false;
  const int64_t errors = disk_.errors();
  set_back_to_ = name;
  const absl::Status status = CreateTable(name);
  if (disk_.dead()) return;
  if (!status.ok()) {
    if (disk_.errors() == errors) Fail(status.ToString());
    return;
  }
  ++result_.seen["set back on purpose"];
  ready_ = true;
  set_back_to_.clear();
  set_back_under_way_ = false;
  std::string why;
  if (!Matches(then, &why)) return Fail(absl::StrCat("set back to ", name, ": ", why));
  Adopt(then);
  sampled_ = holder_->shard()->Stats().sampled;
  saved_[NumberOf(name)] = then;  // with a log it is a new save
  // Takes of the abandoned life may be asked for again.
  ticket_ = {ticket_.learner_epoch + 1, 1};
  CheckShard();
}

}  // namespace pmoe
