#include "control/wire/sense.h"

#include <algorithm>
#include <cfloat>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "control/wire/run_messages.h"

namespace pmoe {
namespace {

constexpr size_t kNameBytesMax = 255;      // of a host, an address, a run or a build
constexpr size_t kLimiterBytesMax = 4096;  // of what a shard says of its limiter
constexpr int kNamedTablesMax = 7;         // of a shard, beside the run's own
constexpr size_t kTableNameMax = 32;
constexpr size_t kSignatureBytesMax = 64;
constexpr double kSecondsMax = 1e9;
constexpr double kCountMax = 9007199254740992.0;  // 2^53: beyond it doubles skip numbers
constexpr int kPrimitivesMax = 1024;
constexpr uint32_t kIndexMax = 1 << 16;
constexpr uint32_t kStepsPerRoundMax = 1'000'000;  // schedule.steps_per_round
constexpr int kColumnMax = 1 << 20;
constexpr uint32_t kCoresMax = 1 << 16;
constexpr double kCpuSecondsMax = kSecondsMax * kCoresMax;

// Looks at one value after the other and keeps the first that makes no sense.
class Look {
 public:
  MaybeNonsense Take() { return std::move(found_); }
  bool ok() const { return !found_.has_value(); }

  void Refuse(absl::string_view reason, std::string what) {
    if (ok()) found_ = Nonsense{std::string(reason), std::move(what)};
  }
  void Text(absl::string_view name, absl::string_view text, size_t bytes_max = kNameBytesMax) {
    if (text.size() > bytes_max) {
      Refuse("too_long", absl::StrCat(name, " has ", text.size(), " bytes, at most ", bytes_max,
                                      " make sense"));
    } else if (const size_t at = FindControlCharacter(text); at != absl::string_view::npos) {
      Refuse("control_character", absl::StrCat(name, " has a control character at byte ", at,
                                               ": \"", PrintableText(text), "\""));
    }
  }
  // In [low, high]; NaN is not.
  void Number(absl::string_view name, double value, double low, double high) {
    if (value >= low && value <= high) return;
    Refuse("number",
           absl::StrCat(name, " is ", value, ", from ", low, " to ", high, " makes sense"));
  }
  void Count(absl::string_view name, double value, double max = kCountMax) {
    Number(name, value, 0.0, max);
  }
  void Seconds(absl::string_view name, double value) { Number(name, value, 0.0, kSecondsMax); }
  void Size(absl::string_view name, double size, double max) {
    if (size <= max) return;
    Refuse("count", absl::StrCat(name, ": ", size, " of them, at most ", max, " make sense"));
  }

 private:
  MaybeNonsense found_;
};

double AsDouble(uint64_t count) { return static_cast<double>(count); }

void LookAtProcess(const ProcessInfo& process, Look* look) {
  look->Text("process.host", process.host());
  look->Text("process.build_id", process.build_id());
  look->Text("process.listen_address", process.listen_address());
  look->Text("process.metrics_address", process.metrics_address());
  look->Text("process.machine", process.machine());
}

void LookAtSeat(const Seat& seat, Look* look) {
  look->Text("seat.run_id", seat.run_id());
  look->Size("seat.signature's bytes", AsDouble(seat.signature().size()), kSignatureBytesMax);
}

void LookAtEpisode(const EpisodeMessage& episode, const FollowerLimits& limits, Look* look) {
  // Each reward went into a float.
  const double most = static_cast<double>(FLT_MAX) * episode.length();
  look->Number("episode_return", episode.episode_return(), -most, most);
  const uint32_t steps = limits.episode_steps > 0 ? limits.episode_steps : INT32_MAX;
  look->Number("the length of an episode", episode.length(), 1, steps);
}

constexpr double kInfoMax = 1e300;           // of a sum; JSON and CSV can say it
constexpr size_t kErrorBytesMax = 64 << 10;  // a traceback

void LookAtInfo(const google::protobuf::RepeatedPtrField<InfoMessage>& infos, Look* look) {
  look->Size("info", infos.size(), kInfoNamesMax);
  for (int i = 0; look->ok() && i < infos.size(); ++i) {
    look->Text("the name of an info", infos[i].name());
    look->Number("the sum of an info", infos[i].sum(), -kInfoMax, kInfoMax);
    look->Count("the episodes of an info", AsDouble(infos[i].episodes()));
  }
}

void LookAtReport(const ActorReportMessage& report, const FollowerLimits& limits, Look* look) {
  const double steps_max = AsDouble(kEnvStepsPerReportMax) * limits.envs;
  look->Count("env_steps of a report", AsDouble(report.env_steps()), steps_max);
  // Each episode ends with a step.
  look->Size("episodes of a report", report.episodes_size(),
             std::min(AsDouble(report.env_steps()), double{kEpisodesPerReportMax}));
  for (int i = 0; look->ok() && i < report.episodes_size(); ++i) {
    LookAtEpisode(report.episodes(i), limits, look);
  }
  LookAtInfo(report.info(), look);
  look->Count("env_errors", AsDouble(report.env_errors()), limits.env_fails ? kCountMax : 0.0);
  look->Count("deadline_misses", AsDouble(report.deadline_misses()));
  look->Count("rows_left_out", AsDouble(report.rows_left_out()));
  if (report.env_error().size() > kErrorBytesMax) {
    look->Refuse("too_long", absl::StrCat("env_error has ", report.env_error().size(), " bytes"));
  }
  look->Seconds("env_s", report.env_s());
  look->Seconds("policy_s", report.policy_s());
  look->Seconds("write_s", report.write_s());
  look->Seconds("blocked_s", report.blocked_s());
  look->Seconds("idle_s", report.idle_s());
  if (auto version = CheckVersion(report.acting_version(), limits.version_max)) {
    look->Refuse(version->reason, version->what);
  }
  if (!report.checkpoint_part().empty() && !limits.checkpoint) {
    look->Refuse("too_long", absl::StrCat("checkpoint_part has ", report.checkpoint_part().size(),
                                          " bytes, and nobody asked for it"));
  }
}

// Not the configuration's number: an evaluator that lives on has what an earlier one said.
constexpr double kEpisodesOfEvaluationMax = 1e6;

void LookAtEvaluation(const EvaluationMessage& evaluation, const FollowerLimits& limits,
                      Look* look) {
  const double steps = limits.episode_steps > 0 ? limits.episode_steps : INT32_MAX;
  const double most = static_cast<double>(FLT_MAX) * steps;
  if (auto version = CheckVersion(evaluation.version(), limits.version_max)) {
    look->Refuse(version->reason, version->what);
  }
  look->Count("env_steps of an evaluation", AsDouble(evaluation.env_steps()));
  look->Number("return_mean", evaluation.return_mean(), -most, most);
  look->Number("return_std", evaluation.return_std(), 0.0, most);
  look->Number("length_mean", evaluation.length_mean(), 0.0, steps);
  look->Number("length_std", evaluation.length_std(), 0.0, steps);
  look->Seconds("seconds of an evaluation", evaluation.seconds());
  LookAtInfo(evaluation.info(), look);
  look->Size("primitive_usage", evaluation.primitive_usage_size(), kPrimitivesMax);
  look->Size("returns", evaluation.returns_size(), kEpisodesOfEvaluationMax);
  for (int i = 0; look->ok() && i < evaluation.primitive_usage_size(); ++i) {
    look->Number("primitive_usage", evaluation.primitive_usage(i), 0.0, 1.0 + 1e-6);
  }
  for (int i = 0; look->ok() && i < evaluation.returns_size(); ++i) {
    look->Number("a return", evaluation.returns(i), -most, most);
  }
}

void LookAtTable(const TableStats& table, Look* look) {
  const std::initializer_list<std::pair<const char*, int64_t>> counts = {
      {"table.size", table.size()},
      {"table.inserted", table.inserted()},
      {"table.sampled", table.sampled()},
      {"table.bytes", table.bytes()},
      {"table.duplicates", table.duplicates()},
      {"table.crc_errors", table.crc_errors()},
      {"table.rows_lost", table.rows_lost()},
      {"table.refused", table.refused()},
      {"table.priorities_gone", table.priorities_gone()},
      {"table.loaded", table.loaded()}};
  for (const auto& [name, count] : counts) {
    look->Count(name, static_cast<double>(count));
  }
  look->Count("table.insert_blocked_s", table.insert_blocked_s());
  look->Count("table.sample_blocked_s", table.sample_blocked_s());
  look->Text("table.limiter", table.limiter(), kLimiterBytesMax);
  look->Text("table.durability", table.durability(), kLimiterBytesMax);
  look->Size("table.tables", table.tables_size(), kNamedTablesMax);
  for (int i = 0; look->ok() && i < table.tables_size(); ++i) {
    const NamedTableStats& named = table.tables(i);
    look->Text("table.tables.name", named.name(), kTableNameMax);
    look->Count("table.tables.size", static_cast<double>(named.size()));
    look->Count("table.tables.inserted", static_cast<double>(named.inserted()));
    look->Count("table.tables.loaded", static_cast<double>(named.loaded()));
    look->Count("table.tables.sampled", static_cast<double>(named.sampled()));
  }
}

void LookAtTime(const ActorTime& time, Look* look) {
  const std::initializer_list<std::pair<const char*, double>> shares = {
      {"rates.time.env", time.env()},
      {"rates.time.policy", time.policy()},
      {"rates.time.write", time.write()},
      {"rates.time.blocked", time.blocked()},
      {"rates.time.idle", time.idle()}};
  for (const auto& [name, share] : shares) look->Number(name, share, 0.0, 1.0);
}

void LookAtLatency(const LatencyMessage& latency, Look* look) {
  look->Text("rates.insert_ack.name", latency.name());
  look->Count("rates.insert_ack.count", AsDouble(latency.count()));
  look->Seconds("rates.insert_ack.p50_s", latency.p50_s());
  look->Seconds("rates.insert_ack.p90_s", latency.p90_s());
  look->Seconds("rates.insert_ack.p99_s", latency.p99_s());
  look->Seconds("rates.insert_ack.max_s", latency.max_s());
}

void LookAtUsage(const ProcessUsage& usage, Look* look) {
  look->Count("usage.cpu_cores", usage.cpu_cores());
  look->Count("usage.memory_bytes", static_cast<double>(usage.memory_bytes()));
  look->Count("usage.cpu_s", usage.cpu_s(), kCpuSecondsMax);
  look->Count("usage.cores", usage.cores(), kCoresMax);
}

void LookAtRates(const ActorRates& rates, Look* look) {
  look->Count("rates.env_steps_per_s", rates.env_steps_per_s());
  look->Count("rates.env_steps", AsDouble(rates.env_steps()));
  look->Count("rates.unacked_chunks", AsDouble(rates.unacked_chunks()));
  look->Count("rates.write_blocked_s", rates.write_blocked_s());
  look->Count("rates.reconnects", AsDouble(rates.reconnects()));
  look->Count("rates.deadline_misses", AsDouble(rates.deadline_misses()));
  look->Count("rates.rows_left_out", AsDouble(rates.rows_left_out()));
  LookAtTime(rates.time(), look);
  LookAtLatency(rates.insert_ack(), look);
}

// What only another role has to tell.
void LookAtRole(RunRole role, const FollowerMessage& message, Look* look) {
  const auto refuse = [&](absl::string_view field) {
    look->Refuse("not_its_role", absl::StrCat(field, " is not ", RoleName(role), "'s to send"));
  };
  const bool acts = role == RUN_ROLE_ACTOR;
  if (!acts && message.reports_size() > 0) refuse("reports");
  if (!acts && message.has_rates()) refuse("rates");
  if (role != RUN_ROLE_EVALUATOR && message.has_evaluation()) refuse("evaluation");
  if (role != RUN_ROLE_REPLAY && message.has_table()) refuse("table");
  if (role == RUN_ROLE_REPLAY && message.has_env_file()) refuse("env_file");
}

}  // namespace

absl::Status Nonsense::ToStatus() const {
  return reason == "version" ? absl::OutOfRangeError(what) : absl::InvalidArgumentError(what);
}

MaybeNonsense CheckVersion(uint64_t version, uint64_t version_max) {
  if (version <= version_max) return std::nullopt;
  return Nonsense{"version",
                  absl::StrCat("policy version ", version, " was never published, the newest is ",
                               version_max, "; start this process anew")};
}

MaybeNonsense CheckJoin(const JoinRequest& request) {
  Look look;
  LookAtProcess(request.process(), &look);
  LookAtSeat(request.previous(), &look);
  return look.Take();
}

MaybeNonsense CheckFollower(RunRole role, const FollowerMessage& message,
                            const FollowerLimits& limits) {
  Look look;
  if (auto version = CheckVersion(message.policy_version(), limits.version_max)) return version;
  LookAtRole(role, message, &look);
  look.Size("reports of a message", message.reports_size(),
            limits.lockstep ? 1 : kReportsPerMessageMax);
  for (int i = 0; look.ok() && i < message.reports_size(); ++i) {
    LookAtReport(message.reports(i), limits, &look);
  }
  if (message.has_evaluation()) LookAtEvaluation(message.evaluation(), limits, &look);
  if (message.has_table()) LookAtTable(message.table(), &look);
  if (message.has_rates()) LookAtRates(message.rates(), &look);
  LookAtUsage(message.usage(), &look);
  return look.Take();
}

MaybeNonsense CheckJoinReply(const JoinReply& reply) {
  Look look;
  LookAtSeat(reply.seat(), &look);
  look.Count("seat.index", reply.seat().index(), kIndexMax);
  look.Count("unix_time_s", reply.unix_time_s());
  return look.Take();
}

MaybeNonsense CheckDirective(const DirectiveMessage& directive) {
  Look look;
  look.Count("steps_per_env", directive.steps_per_env(), kStepsPerRoundMax);
  look.Text("table.address", directive.table().address());
  const TableColumns& columns = directive.table().columns();
  look.Count("table.columns.obs_dim", columns.obs_dim(), kColumnMax);
  look.Count("table.columns.action_dim", columns.action_dim(), kColumnMax);
  look.Count("table.columns.extra_dim", columns.extra_dim(), kColumnMax);
  return look.Take();
}

}  // namespace pmoe
