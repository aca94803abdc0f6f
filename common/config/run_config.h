// The configuration of a run: where its values come from, how they are checked, printed and
// explained. Everything is read from the descriptors of proto/config.proto by reflection: a new
// field there needs no code here. Pure functions over values; includes protobuf, so no file that
// includes Torch may include this one.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/config/algorithms.h"
#include "proto/config.pb.h"

namespace pmoe {

// What was given, weakest first: schema defaults < preset < file < flags < sets.
struct ConfigSources {
  std::string preset;       // empty: the one that the file or a set names, else "paper"
  std::string config_file;  // textproto; empty: none. A run directory's own config.textproto
                            // continues that run
  std::vector<std::pair<std::string, std::string>> flags;  // path, value: {"env.id", "Hopper-v5"}
  std::vector<std::string> sets;                           // "learner.actor_lr=3e-4"
};

// Merges the sources, writes every default into the result and validates it. InvalidArgument for a
// setting that the algorithm does not read, unless it comes from a file that holds the value which
// the field has anyway, or from one that a run wrote. Unset
// may stay learner.target_entropy (minus the action dimension, which the run knows),
// learner.gumbel_tau_end, and lists of layers that the policy does not have. Resolving a resolved
// configuration changes nothing.
absl::StatusOr<RunConfig> ResolveConfig(const ConfigSources& sources);

// The row of the configuration's algorithm; of a validated configuration.
const Algorithm& AlgorithmOf(const RunConfig& config);

// The environment is somebody's code, which may fail by itself; tasks of ours do not.
bool EnvMayFail(const RunConfig& config);
// Reproducible rounds; else async.
bool IsLockstep(const RunConfig& config);
// Minibatches by priority; of an off-policy algorithm.
bool IsPrioritized(const RunConfig& config);
// Rows of each minibatch that are demonstrations (replay.demos, replay.demo_share), and the others.
int DemoRows(const RunConfig& config);
int OwnRows(const RunConfig& config);
// "HalfCheetah-v5 pmoe_sac seed 1".
std::string RunLabel(const RunConfig& config);

// "learner.epochs=3": settings that the algorithm does not read and that are not as they would be
// without anybody's word. A resolved configuration has them from a file of before they were
// refused.
std::vector<std::string> UnreadSettings(const RunConfig& config);

// Sets one field from text. Repeated numbers are comma lists ("256,256"), "" empties them; a task
// parameter is "env.arg.NAME". Checks the type, not the range. InvalidArgument names the field, the
// value and near names.
absl::Status SetField(RunConfig* config, absl::string_view path, absl::string_view value);

// Ranges and choices of the schema, then the rules between fields. The first broken rule is the
// error.
absl::Status ValidateConfig(const RunConfig& config);

// Valid settings that probably are not meant, one sentence each: "the run ends before its first
// update: …".
std::vector<std::string> ConfigWarnings(const RunConfig& config);

// Textproto, fields in the schema's order, numbers in their shortest exact form.
std::string PrintConfig(const RunConfig& config);

// What PrintConfig wrote. `source` is the file's name in errors, which give line, column, field and
// near names. Fields that the text leaves out stay unset; nothing is validated.
absl::StatusOr<RunConfig> ParseConfigText(absl::string_view text,
                                          absl::string_view source = "configuration");

// Every field of the schema: path, type, default, valid range or choices, meaning.
std::string ExplainConfig();

// "path: before -> after" for every field in which the two differ.
std::vector<std::string> ChangedFields(const RunConfig& before, const RunConfig& after);

// Path and text of every field that `after` sets, that differs and that its algorithm reads: as
// --set takes them.
std::vector<std::pair<std::string, std::string>> ChangedValues(const RunConfig& before,
                                                               const RunConfig& after);

// schedule.steps_per_round x schedule.updates_per_step; on-policy: learner.epochs over a rollout in
// minibatches. Whole in a valid configuration.
int64_t UpdatesPerRound(const RunConfig& config);

// Rows that an actor gathers of an environment before it sends them: 64, or where a rollout takes
// fewer of each, those; in async a quarter of them, since rows grow old while they are gathered.
int ChunkRows(const RunConfig& config);

// schedule.total_steps rounded up to whole rounds.
int64_t TotalSteps(const RunConfig& config);

}  // namespace pmoe
