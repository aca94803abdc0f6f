// What must hold of the rows of a Simulation.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "replay/core/row_crc.h"
#include "tests/replay/simulation/simulation.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kLossMax{1000};  // of SegmentLogOptions

}  // namespace

bool Simulation::Matches(const Timeline& timeline, std::string* why) {
  SimState state;
  for (const auto& op : timeline) (void)state.Apply(sent_, *op);
  const std::string differs = CompareRows(state);
  if (why->empty()) *why = differs;
  return differs.empty();
}

void Simulation::CheckPromise(const Timeline& before, const Timeline& after,
                              const std::string& restored) {
  const bool table_flipped = TablesFlipped() > 0;
  const bool excused =
      log_flipped_ ||
      (table_flipped && ((gap_ && plan_.breaks) || SoundTables() == 0 || log_ever_flipped_));
  if (plan_.durability == DURABILITY_NONE) {
    if (table_flipped || restored == newest_ || maybe_.contains(restored)) return;
    return Fail(absl::StrCat("restored \"", restored, "\", but \"", newest_, "\" is the newest"));
  }
  if (table_flipped && !excused) ++result_.seen["starts beside a damaged checkpoint"];
  if (excused || (log_errors_ && plan_.durability != DURABILITY_WAL)) return;
  const std::set<std::shared_ptr<SimOp>> there(after.begin(), after.end());
  Clock::Time oldest = Clock::Time::max();
  for (const auto& op : before) {
    if (there.contains(op)) continue;
    oldest = std::min(oldest, op->at);
    ++result_.seen["changes lost"];
    if (!op->acked.has_value()) continue;
    // Without wal what comes while the log fails is acknowledged all the same; when the log is well
    // again, it may still have to write that.
    const bool blind = plan_.durability != DURABILITY_WAL && log_failed_at_.has_value() &&
                       op->at <= *log_failed_at_;
    if (blind) continue;
    if (plan_.durability == DURABILITY_WAL || *op->acked > oldest + kLossMax) {
      return Fail(absl::StrCat("acknowledged and lost: ", op->Text()));
    }
  }
}

int Simulation::SoundTables() const {
  int sound = 0;
  for (const std::string& name : disk_.Names()) {
    // One that was removed may come back with the power, without the log that it needs.
    const bool kept = std::any_of(kept_.begin(), kept_.end(), [&name](const std::string& one) {
      return name == absl::StrCat(one, ".table");
    });
    sound += (kept || name == absl::StrCat(newest_, ".table")) && !flipped_.contains(name);
  }
  return sound;
}

int Simulation::TablesFlipped() const {
  int flipped = 0;
  for (const std::string& name : disk_.Names()) {
    flipped += name.ends_with(".table") && flipped_.contains(name);
  }
  return flipped;
}

std::string Simulation::CompareRows(const SimState& state) {
  const std::string path = disk_.aside() + "/check";
  const absl::Status saved = holder_->shard()->Save(path);
  if (!saved.ok()) return saved.ToString();
  const absl::StatusOr<ReplayTable> table = ReplayTable::FromFile(path);
  if (!table.ok()) return table.status().ToString();
  const ShardStats stats = holder_->shard()->Stats();
  if (stats.inserted != state.inserted) {
    return absl::StrCat(stats.inserted, " rows were inserted, not ", state.inserted);
  }
  std::string wrong;
  std::set<RowName> held;
  table->VisitSteps([&](const StoredStep& step) {
    const RowName name{step.actor, step.epoch, step.env, step.step};
    const auto row = rows_.find(name);
    if (row == rows_.end()) {
      wrong = absl::StrCat("row ", name.Text(), " is nobody's");
    } else if (RowCrc(step.transition) != CrcOf(row->second) ||
               step.transition.extra[0] != ExtraOf(row->second)) {
      wrong = absl::StrCat("row ", name.Text(), " is torn");
    } else if (!held.insert(name).second) {
      wrong = absl::StrCat("row ", name.Text(), " is there twice");
    } else if (row->second.version >= state.version_min && !state.held.contains(name)) {
      wrong = absl::StrCat("row ", name.Text(), " is there, and should not be");
    }
  });
  if (!wrong.empty()) return wrong;
  for (const auto& [name, version] : state.held) {
    if (!plan_.evicts && version >= state.version_min && !held.contains(name)) {
      return absl::StrCat("row ", name.Text(), " is not there");
    }
  }
  // Where a shard forgot that it refused chunks, the steps missing for them count as lost too.
  uint64_t refused = 0;
  for (const auto& [life, sent] : sent_) {
    for (const SentChunk& chunk : sent.chunks) refused += chunk.spoilt ? chunk.rows.size() : 0;
  }
  if (stats.rows_lost < state.rows_lost() || stats.rows_lost > state.rows_lost() + refused) {
    return absl::StrCat(stats.rows_lost, " rows were counted as lost, not ", state.rows_lost());
  }
  return "";
}

void Simulation::CheckShard() {
  if (!up() || !ready_ || failed()) return;
  std::string wrong = CompareRows(state_);
  const ShardStats stats = holder_->shard()->Stats();
  if (wrong.empty() && stats.sampled != sampled_) {
    wrong = absl::StrCat(stats.sampled, " rows sampled, not ", sampled_);
  }
  if (!wrong.empty()) Fail(std::move(wrong));
}

std::vector<RowName> Simulation::CheckRollout(const Rollout& rollout) {
  std::vector<RowName> taken;
  if (!ValidateRollout(rollout).ok()) Fail("a rollout that is none");
  for (size_t s = 0; s < rollout.segments.size() && !failed(); ++s) {
    const RolloutSegment& segment = rollout.segments[s];
    for (int64_t i = segment.start; i < segment.start + segment.length; ++i) {
      const auto name = NameOfObs(&rollout.obs[static_cast<size_t>(i * kSimSpec.obs_dim)]);
      const auto row = name.has_value() ? rows_.find(*name) : rows_.end();
      const bool whole = row != rows_.end() && name->actor == segment.actor &&
                         name->epoch == segment.epoch && name->env == segment.env &&
                         rollout.reward[i] == RewardOf(row->second) &&
                         rollout.policy_version[i] == row->second.version &&
                         rollout.extra[i] == ExtraOf(row->second) &&
                         std::equal(rollout.action.begin() + i * kSimSpec.action_dim,
                                    rollout.action.begin() + (i + 1) * kSimSpec.action_dim,
                                    ActionOf(row->second).begin());
      if (!whole) Fail("a rollout has a torn row");
      if (failed()) return taken;
      taken.push_back(*name);
    }
    RowName next = taken.back();
    ++next.step;
    const std::vector<float> obs = ObsOf(next);
    if (!std::equal(obs.begin(), obs.end(),
                    rollout.bootstrap_obs.begin() + static_cast<int64_t>(s) * kSimSpec.obs_dim)) {
      Fail("a rollout has a torn bootstrap");
    }
  }
  return taken;
}

}  // namespace pmoe
