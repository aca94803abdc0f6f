#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/number_text.h"
#include "common/base/status_macros.h"
#include "common/config/critic_rules.h"
#include "common/config/info_names.h"
#include "common/config/learner_choices.h"
#include "common/config/ppo_choices.h"
#include "common/config/real_time.h"
#include "common/config/rules.h"
#include "common/config/run_config.h"
#include "common/config/schema.h"
#include "common/config/validate_policy.h"

namespace pmoe {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kListMax = 64;          // elements of any list
constexpr size_t kTextMax = 4096;     // bytes of any text
constexpr int64_t kPageRows = 64;     // rows of a replay page
constexpr double kWholeError = 1e-9;  // 0.02 * 50 is 1 to a user

int64_t Streams(const RunConfig& config) {
  return static_cast<int64_t>(config.actor().count()) * config.actor().envs();
}

double NumberAt(const Message& parent, const FieldDescriptor* field, int i) {
  const google::protobuf::Reflection& r = *parent.GetReflection();
  const bool list = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return list ? r.GetRepeatedInt32(parent, field, i) : r.GetInt32(parent, field);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(list ? r.GetRepeatedInt64(parent, field, i)
                                      : r.GetInt64(parent, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(list ? r.GetRepeatedUInt64(parent, field, i)
                                      : r.GetUInt64(parent, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return list ? r.GetRepeatedDouble(parent, field, i) : r.GetDouble(parent, field);
    default:
      return 0;
  }
}

absl::Status CheckText(const SchemaField& field, const std::string& value) {
  PMOE_RETURN_IF_ERROR(CheckChoice(field, value));
  const bool clean = std::none_of(value.begin(), value.end(),
                                  [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (clean && value.size() <= kTextMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field.path, " must be one line of at most ", kTextMax, " bytes, got ",
                   value.size(), clean ? " bytes" : " bytes with control characters"));
}

// The field against its own rule in the schema.
absl::Status CheckField(const RunConfig& config, const SchemaField& field) {
  if (!IsSet(config, field)) return absl::OkStatus();
  const Message& parent = Parent(config, field);
  const bool list = field.field->is_repeated();
  const int n = list ? parent.GetReflection()->FieldSize(parent, field.field) : 1;
  if (n > kListMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(field.path, " must have at most ", kListMax, " elements, got ", n));
  }
  if (field.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return CheckText(field, parent.GetReflection()->GetString(parent, field.field));
  }
  if (field.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return absl::OkStatus();
  for (int i = 0; i < n; ++i) {
    PMOE_RETURN_IF_ERROR(CheckRange(field, NumberAt(parent, field.field, i)));
  }
  return absl::OkStatus();
}

absl::Status CheckEnv(const EnvConfig& env) {
  if (env.id().empty()) {
    return absl::InvalidArgumentError("env.id must name a task, got \"\"; `pmoe envs` lists them");
  }
  std::set<std::string> names;
  for (const EnvArg& arg : env.arg()) {
    if (arg.name().empty()) {
      return absl::InvalidArgumentError("every env.arg needs a name: arg { name: … value: … }");
    }
    if (!names.insert(arg.name()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("env.arg ", arg.name(), " is given twice; keep one of them"));
    }
  }
  return absl::OkStatus();
}

// A rollout is a round, learned from whole minibatches by the weights that made it.
absl::Status CheckOnPolicy(const RunConfig& config) {
  const ScheduleConfig& schedule = config.schedule();
  const int64_t rollout = schedule.steps_per_round(), batch = config.learner().batch_size();
  if (rollout % batch != 0) {
    const int64_t below = rollout / batch * batch;
    return absl::InvalidArgumentError(absl::StrCat(
        "schedule.steps_per_round (a rollout) must be a multiple of learner.batch_size ", batch,
        ", got ", rollout, "; the nearest are ",
        below > 0 ? absl::StrCat(below, " and ", below + batch) : absl::StrCat(batch)));
  }
  if (batch < 2 &&
      ParseChoice<AdvantageNorm>(config.learner().advantage_norm()) == AdvantageNorm::kMinibatch) {
    return absl::InvalidArgumentError(
        "learner.batch_size must be at least 2 with learner.advantage_norm minibatch, got 1; one "
        "row "
        "has no deviation");
  }
  if (schedule.start_steps() > 0 || schedule.update_after() > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "schedule.start_steps and schedule.update_after must be 0 with algorithm ",
        config.algorithm(), ", got ", schedule.start_steps(), " and ", schedule.update_after(),
        "; every rollout is learned from, and nothing is learned from uniform actions"));
  }
  if (config.replay().shards() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("replay.shards must be 1 with algorithm ",
                                                   config.algorithm(), ", got ",
                                                   config.replay().shards()));
  }
  return absl::OkStatus();
}

// Every environment makes the same number of steps per round.
absl::Status CheckRoundSteps(const RunConfig& config) {
  const int64_t streams = Streams(config);
  const int64_t steps = config.schedule().steps_per_round();
  if (steps % streams == 0) return absl::OkStatus();
  const int64_t below = steps / streams * streams;
  return absl::InvalidArgumentError(absl::StrCat(
      "schedule.steps_per_round must be a multiple of actor.count x actor.envs = ", streams,
      ", got ", steps, "; the nearest are ",
      below > 0 ? absl::StrCat(below, " and ", below + streams) : absl::StrCat(streams)));
}

absl::Status CheckRoundUpdates(const RunConfig& config) {
  const double steps = config.schedule().steps_per_round();
  const double updates = steps * config.schedule().updates_per_step();
  const double whole = std::round(updates);
  if (whole >= 1 && std::abs(updates - whole) <= kWholeError * whole) return absl::OkStatus();
  const double below = std::floor(updates);
  std::string nearest = NumberText((below + 1) / steps);
  if (below >= 1) nearest = absl::StrCat(NumberText(below / steps), " and ", nearest);
  return absl::InvalidArgumentError(absl::StrCat(
      "schedule.updates_per_step x schedule.steps_per_round must be a whole number of updates, "
      "got ",
      NumberText(config.schedule().updates_per_step()), " x ", NumberText(steps), " = ",
      NumberText(updates), "; the nearest schedule.updates_per_step are ", nearest));
}

absl::Status CheckShards(const RunConfig& config) {
  const int32_t shards = config.replay().shards();
  if (shards == 1 || !IsLockstep(config)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("replay.shards must be 1 in lockstep, got ", shards,
                   "; rows enter in one order there. Use --mode async for more"));
}

absl::Status CheckSelector(const RunConfig& config) {
  const ReplayConfig& replay = config.replay();
  if (replay.shards() > 1 && ParseChoice<RowChoice>(replay.selector()) != RowChoice::kUniform) {
    return absl::InvalidArgumentError(absl::StrCat(
        "replay.shards must be 1 with replay.selector ", replay.selector(), ", got ",
        replay.shards(), "; no shard knows the priorities or the age of the others' rows"));
  }
  const ReplayConfig& unset = ReplayConfig::default_instance();
  const bool none_set = replay.priority_alpha() == unset.priority_alpha() &&
                        replay.priority_beta() == unset.priority_beta() &&
                        replay.priority_beta_end() == unset.priority_beta_end();
  if (IsPrioritized(config) || none_set) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "replay.priority_alpha, priority_beta and priority_beta_end do nothing with replay.selector ",
      replay.selector(), "; leave them away, or use --set replay.selector=prioritized"));
}

// Steps, of all environments, that come before the first update.
int64_t RowsBeforeUpdates(const RunConfig& config) {
  const int64_t round = config.schedule().steps_per_round();
  const int64_t rounds = (std::max(config.schedule().update_after(), round) + round - 1) / round;
  return rounds * round;
}

// What OwnRows are, in messages.
std::string OwnRowsName(const RunConfig& config) {
  return DemoRows(config) == 0 ? "learner.batch_size"
                               : "learner.batch_size less the rows of replay.demos";
}

// Rows without which a round's minibatches cannot be given: in lockstep none comes between them.
int64_t RowsOfARound(const RunConfig& config) {
  const int32_t times = config.replay().max_times_sampled();
  if (times == 0 || !IsLockstep(config)) return 0;
  const ScheduleConfig& schedule = config.schedule();
  const double given = OwnRows(config) * schedule.updates_per_step() * schedule.steps_per_round();
  return static_cast<int64_t>(std::ceil(given / times * (1 - kWholeError)));
}

// Rows by age come once in a minibatch, and others at most so many times: it must be there as a
// whole.
absl::Status CheckWholeMinibatch(const RunConfig& config) {
  const ReplayConfig& replay = config.replay();
  const RowChoice choice = ParseChoice<RowChoice>(replay.selector());
  const bool by_age = choice == RowChoice::kLifo || choice == RowChoice::kFifo;
  if (!by_age && replay.max_times_sampled() == 0) return absl::OkStatus();
  const int64_t batch = OwnRows(config);
  const int64_t streams = Streams(config);
  const int64_t waiting = (replay.n_step() - 1) * streams;  // for their n-th reward
  const int64_t rows = std::max(batch, RowsOfARound(config)) + waiting;
  const int64_t capacity_min = rows + 2 * kPageRows * streams;
  const std::string with =
      absl::StrCat(" with ",
                   by_age ? absl::StrCat("replay.selector ", replay.selector())
                          : absl::StrCat("replay.max_times_sampled ", replay.max_times_sampled()),
                   ", ", OwnRowsName(config), " ", batch, " and ", streams, " environments, got ");
  if (replay.capacity() < capacity_min) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.capacity must be >= ", capacity_min, with, replay.capacity(),
                     "; a minibatch must be there beside two pages of each environment"));
  }
  if (RowsBeforeUpdates(config) >= rows) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("schedule.update_after must be >= ", rows, with,
                                                 config.schedule().update_after(),
                                                 "; before that there are not rows enough"));
}

// Rows are given as often as the schedule says, or not at all.
absl::Status CheckTimesSampled(const RunConfig& config) {
  const ReplayConfig& replay = config.replay();
  const int32_t times = replay.max_times_sampled();
  if (times == 0) return absl::OkStatus();
  if (IsPrioritized(config)) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.max_times_sampled must be 0 with replay.selector prioritized, got ",
                     times, "; use uniform, lifo or fifo"));
  }
  if (replay.shards() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.shards must be 1 with replay.max_times_sampled ", times, ", got ",
                     replay.shards(), "; no shard knows how often the others' rows can be given"));
  }
  const double updates = config.schedule().updates_per_step();
  const double given = OwnRows(config) * updates;
  if (given <= times * (1 + kWholeError)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "replay.max_times_sampled must be >= ", OwnRowsName(config),
      " x schedule.updates_per_step = ", OwnRows(config), " x ", NumberText(updates), " = ",
      NumberText(given), ", the rows given for each that comes, or 0 for no limit, got ", times));
}

absl::Status CheckDemos(const RunConfig& config) {
  const ReplayConfig& replay = config.replay();
  const ReplayConfig& unset = ReplayConfig::default_instance();
  if (replay.demos().empty()) {
    if (replay.demo_share() == unset.demo_share() &&
        replay.demo_actions() == unset.demo_actions()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "replay.demo_share and replay.demo_actions do nothing without replay.demos; leave them "
        "away, or name a file with --demos FILE");
  }
  if (replay.demo_share() >= 1.0) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.demo_share must be < 1, got ", NumberText(replay.demo_share()),
                     "; the run's own rows are learned from too. RLPD wants 0.5"));
  }
  if (replay.demo_share() == 0.0 || config.learner().batch_size() > 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "learner.batch_size must be >= 2 with replay.demos, got 1; a minibatch has rows of both");
}

absl::Status CheckReplay(const RunConfig& config) {
  PMOE_RETURN_IF_ERROR(CheckDemos(config));
  PMOE_RETURN_IF_ERROR(CheckSelector(config));
  PMOE_RETURN_IF_ERROR(CheckTimesSampled(config));
  const int64_t streams = Streams(config);
  // Each environment keeps an open page, and a closed one must be there to give way.
  const int64_t capacity_min = 2 * kPageRows * streams;
  if (config.replay().capacity() < capacity_min) {
    return absl::InvalidArgumentError(absl::StrCat(
        "replay.capacity must be >= ", capacity_min, " (two pages of ", kPageRows,
        " for each of the ", streams, " environments), got ", config.replay().capacity()));
  }
  if (RowsBeforeUpdates(config) / streams < config.replay().n_step()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "schedule.update_after must be >= ", config.replay().n_step() * streams,
        " with replay.n_step ", config.replay().n_step(), " and ", streams, " environments, got ",
        config.schedule().update_after(), "; before that no sample is complete"));
  }
  return CheckWholeMinibatch(config);
}

absl::Status CheckAlpha(const LearnerConfig& learner) {
  if (!learner.tune_alpha() || learner.alpha() > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "learner.alpha must be > 0 with learner.tune_alpha, got 0; tuning moves its logarithm");
}

}  // namespace

absl::Status ValidateConfig(const RunConfig& config) {
  for (const SchemaField& field : SchemaFields()) {
    PMOE_RETURN_IF_ERROR(CheckField(config, field));
  }
  PMOE_RETURN_IF_ERROR(CheckEnv(config.env()));
  PMOE_RETURN_IF_ERROR(InfoNames(config.observe().info()).status());
  const bool on_policy = AlgorithmOf(config).on_policy();
  if (IsLockstep(config)) {
    PMOE_RETURN_IF_ERROR(CheckRoundSteps(config));
    if (!on_policy) PMOE_RETURN_IF_ERROR(CheckRoundUpdates(config));
  }
  if (on_policy) PMOE_RETURN_IF_ERROR(CheckOnPolicy(config));
  PMOE_RETURN_IF_ERROR(CheckPolicy(config));
  PMOE_RETURN_IF_ERROR(CheckShards(config));
  PMOE_RETURN_IF_ERROR(CheckRealTime(config));
  if (!on_policy) PMOE_RETURN_IF_ERROR(CheckReplay(config));
  if (!on_policy) PMOE_RETURN_IF_ERROR(CheckCritics(config.learner()));
  return CheckAlpha(config.learner());
}

std::vector<std::string> ConfigWarnings(const RunConfig& config) {
  const ScheduleConfig& schedule = config.schedule();
  const LearnerConfig& learner = config.learner();
  std::vector<std::string> warnings;
  if (TotalSteps(config) < schedule.update_after()) {
    warnings.push_back(absl::StrCat("the run ends before its first update: schedule.total_steps ",
                                    schedule.total_steps(), ", schedule.update_after ",
                                    schedule.update_after()));
  } else if (TotalSteps(config) <= schedule.start_steps()) {
    warnings.push_back(absl::StrCat("the policy never acts in training: schedule.total_steps ",
                                    schedule.total_steps(), ", schedule.start_steps ",
                                    schedule.start_steps(), " of uniform random actions"));
  }
  if (learner.has_target_entropy() && !learner.tune_alpha()) {
    warnings.push_back("learner.target_entropy does nothing without learner.tune_alpha");
  }
  if (learner.loser_weight() > 0 &&
      ParseChoice<PrimitiveBackprop>(learner.primitive_backprop()) == PrimitiveBackprop::kAll) {
    warnings.push_back("learner.loser_weight does nothing with learner.primitive_backprop all");
  }
  for (std::string& warning : QnetWarnings(config)) warnings.push_back(std::move(warning));
  for (const std::string& setting : UnreadSettings(config)) {
    warnings.push_back(absl::StrCat(setting, " does nothing with algorithm ", config.algorithm()));
  }
  return warnings;
}

}  // namespace pmoe
