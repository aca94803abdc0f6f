#include "common/config/run_config.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/learner_choices.h"
#include "common/config/presets.h"
#include "common/config/read_by.h"
#include "common/config/rules.h"
#include "common/config/schema.h"
#include "google/protobuf/text_format.h"

namespace pmoe {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Everything the user said, and nothing else: fields nobody named stay unset.
struct Given {
  RunConfig file;
  std::vector<std::pair<std::string, std::string>> words;  // of flags and --set: path, value
  RunConfig all;                                           // the file's, then the words
};

// Makes `all`.
absl::Status Join(const ConfigSources& sources, Given* given) {
  given->all = given->file;
  if (!sources.preset.empty()) given->all.set_preset(sources.preset);
  for (const auto& [path, value] : given->words) {
    PMOE_RETURN_IF_ERROR(SetField(&given->all, path, value));
  }
  return absl::OkStatus();
}

absl::StatusOr<Given> ReadSources(const ConfigSources& sources) {
  Given given;
  if (!sources.config_file.empty()) {
    PMOE_ASSIGN_OR_RETURN(const std::string text, ReadText(sources.config_file));
    PMOE_ASSIGN_OR_RETURN(given.file, ParseConfigText(text, sources.config_file));
  }
  given.words = sources.flags;
  for (const std::string& set : sources.sets) {
    const std::vector<std::string> pair = absl::StrSplit(set, absl::MaxSplits('=', 1));
    if (pair.size() != 2 || pair[0].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--set needs path=value, like learner.actor_lr=3e-4, got \"", set, "\""));
    }
    given.words.emplace_back(pair[0], pair[1]);
  }
  PMOE_RETURN_IF_ERROR(Join(sources, &given));
  return given;
}

// Set fields of `over` replace those of `config`. Unlike MergeFrom, which appends lists.
void Overlay(const RunConfig& over, RunConfig* config) {
  for (const SchemaField& field : SchemaFields()) {
    if (!IsSet(over, field)) continue;
    Message* parent = MutableParent(config, field);
    parent->GetReflection()->ClearField(parent, field.field);
  }
  config->MergeFrom(over);
}

void WriteSchemaDefault(Message* parent, const FieldDescriptor* field) {
  const google::protobuf::Reflection& r = *parent->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r.SetInt32(parent, field, field->default_value_int32());
    case FieldDescriptor::CPPTYPE_INT64:
      return r.SetInt64(parent, field, field->default_value_int64());
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.SetUInt64(parent, field, field->default_value_uint64());
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r.SetDouble(parent, field, field->default_value_double());
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.SetBool(parent, field, field->default_value_bool());
    case FieldDescriptor::CPPTYPE_STRING:
      return r.SetString(parent, field, field->default_value_string());
    default:
      return;
  }
}

// "mjcf:tasks/robot.textproto" with an absolute path: a run must find its task from any folder.
std::string WithAbsolutePath(const std::string& env_id) {
  for (const char* prefix : {"mjcf:", "plugin:"}) {
    if (!absl::StartsWith(env_id, prefix)) continue;
    const std::string path = env_id.substr(std::strlen(prefix));
    return prefix + std::filesystem::absolute(path).lexically_normal().string();
  }
  return env_id;
}

// A run must find its models from any folder too. A bare name is Gymnasium's, "~" is every
// machine's own.
void WriteAbsolutePaths(EnvConfig* env) {
  const auto absolute = [](const std::string& path) {
    return std::filesystem::absolute(path).lexically_normal().string();
  };
  env->set_id(WithAbsolutePath(env->id()));
  if (!env->assets().empty()) env->set_assets(absolute(env->assets()));
  // Without a slash it is a command, which each machine finds for itself.
  if (absl::StrContains(env->python(), '/')) env->set_python(absolute(env->python()));
  for (EnvArg& arg : *env->mutable_arg()) {
    const bool relative = arg.name() == "xml_file" && absl::StartsWith(arg.value(), ".");
    if (relative) arg.set_value(absolute(arg.value()));
  }
}

void WriteAbsoluteDemos(ReplayConfig* replay) {
  if (replay->demos().empty()) return;
  replay->set_demos(std::filesystem::absolute(replay->demos()).lexically_normal().string());
}

void WriteList(absl::Span<const int32_t> values, google::protobuf::RepeatedField<int32_t>* list) {
  if (list->empty()) list->Add(values.begin(), values.end());
}

void WriteDefaultHidden(const HiddenUnits& units, RunConfig* config) {
  WriteList(units.trunk, config->mutable_policy()->mutable_hidden());
  WriteList(units.primitive, config->mutable_policy()->mutable_primitive_hidden());
  WriteList(units.router, config->mutable_policy()->mutable_router_hidden());
  WriteList(units.critic, config->mutable_learner()->mutable_critic_hidden());
  WriteList(units.qnet, config->mutable_learner()->mutable_qnet_hidden());
}

void WriteSchemaDefaults(RunConfig* config) {
  for (const SchemaField& field : SchemaFields()) {
    if (!field.field->has_default_value() || IsSet(*config, field)) continue;
    WriteSchemaDefault(MutableParent(config, field), field.field);
  }
}

// A saved configuration must mean the same after a default changes.
void WriteDefaults(RunConfig* config) {
  WriteSchemaDefaults(config);
  WriteAbsolutePaths(config->mutable_env());
  WriteAbsoluteDemos(config->mutable_replay());
  const Algorithm& algorithm = AlgorithmOf(*config);
  PolicyConfig* policy = config->mutable_policy();
  if (!policy->has_primitives()) {
    policy->set_primitives(DefaultPrimitives(algorithm, config->env().id()));
  }
  WriteDefaultHidden(*algorithm.hidden, config);
}

// What a configuration is where nobody says more.
absl::StatusOr<RunConfig> Standing(const std::string& preset, const Algorithm& algorithm) {
  PMOE_ASSIGN_OR_RETURN(RunConfig config, PresetConfig(preset, algorithm));
  config.set_algorithm(std::string(algorithm.name));
  WriteDefaults(&config);
  return config;
}

// Set fields that the algorithm does not read and that differ from what stands without them.
std::vector<const SchemaField*> UnreadFields(const RunConfig& config, const RunConfig& standing,
                                             const Algorithm& algorithm) {
  std::vector<const SchemaField*> unread;
  for (const SchemaField& field : SchemaFields()) {
    if (!IsSet(config, field) || Reads(algorithm, field)) continue;
    if (ValueText(config, field) != ValueText(standing, field)) unread.push_back(&field);
  }
  return unread;
}

// Did a run or `pmoe config print` write it? They write every field, a person a few.
bool IsWhole(const RunConfig& file) {
  int set = 0, all = 0;
  for (const SchemaField& field : SchemaFields()) {
    if (!field.field->has_default_value()) continue;
    ++all;
    if (IsSet(file, field)) ++set;
  }
  return set > all / 2;
}

// A whole file's values are not the user's words. Where it was written for this algorithm, all
// stays as the run had it, and ConfigWarnings tells what does nothing; a setting that it lacks is
// younger than the run, which was what the schema's default says, whatever preset and algorithm say
// today. Where it was written for another one, what somebody chose there counts, and what stood
// there by itself stands here by itself.
void TakeWholeFile(const Algorithm& algorithm, Given* given) {
  RunConfig& file = given->file;
  if (!IsWhole(file)) return;
  if (file.algorithm() == algorithm.name) return WriteSchemaDefaults(&file);
  const absl::StatusOr<const Algorithm*> before = FindAlgorithm(file.algorithm());
  if (!before.ok()) return;  // of another version; all of it is taken for chosen
  const absl::StatusOr<RunConfig> stood = Standing(file.preset(), **before);
  if (!stood.ok()) return;
  for (const SchemaField& field : SchemaFields()) {
    const bool chosen = ValueText(file, field) != ValueText(*stood, field);
    if (!IsSet(file, field) || (chosen && Reads(algorithm, field))) continue;
    Message* parent = MutableParent(&file, field);
    parent->GetReflection()->ClearField(parent, field.field);
  }
  const bool own = file.policy().primitives() == DefaultPrimitives(**before, file.env().id());
  if (own || !algorithm.has_router()) file.mutable_policy()->clear_primitives();
}

// Refuses what the user set and the algorithm does not read. A file may give a field the value that
// it has anyway.
absl::Status CheckRead(const Given& given, const RunConfig& standing, const Algorithm& algorithm,
                       const std::string& file_name) {
  for (const auto& [path, value] : given.words) {
    const SchemaField* field = FindSchemaField(path);
    if (field != nullptr && !Reads(algorithm, *field)) return NotRead(algorithm, *field, value);
  }
  if (IsWhole(given.file)) return absl::OkStatus();
  for (const SchemaField* field : UnreadFields(given.file, standing, algorithm)) {
    const absl::Status status = NotRead(algorithm, *field, ValueText(given.file, *field));
    return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", std::string(status.message())));
  }
  return absl::OkStatus();
}

std::string DefaultText(const SchemaField& field) {
  if (!field.field->has_default_value()) return "";
  RunConfig config;
  WriteSchemaDefault(MutableParent(&config, field), field.field);
  const std::string text = ValueText(config, field);
  return absl::StrCat(", default ", text.empty() ? "\"\"" : text);
}

}  // namespace

const Algorithm& AlgorithmOf(const RunConfig& config) { return AlgorithmNamed(config.algorithm()); }

bool EnvMayFail(const RunConfig& config) {
  const absl::string_view id = config.env().id();
  return absl::StartsWith(id, "gym:") || absl::StartsWith(id, "gym-process:") ||
         absl::StartsWith(id, "plugin:");
}

bool IsLockstep(const RunConfig& config) {
  return ParseChoice<ScheduleMode>(config.schedule().mode()) == ScheduleMode::kLockstep;
}

bool IsPrioritized(const RunConfig& config) {
  return !AlgorithmOf(config).on_policy() &&
         ParseChoice<RowChoice>(config.replay().selector()) == RowChoice::kPrioritized;
}

int DemoRows(const RunConfig& config) {
  const ReplayConfig& replay = config.replay();
  if (replay.demos().empty() || replay.demo_share() <= 0.0) return 0;
  const int batch = config.learner().batch_size();
  const double share = replay.demo_share() * batch;
  return std::clamp(static_cast<int>(std::floor(share + 0.5)), 1, std::max(batch - 1, 1));
}

int OwnRows(const RunConfig& config) { return config.learner().batch_size() - DemoRows(config); }

std::string RunLabel(const RunConfig& config) {
  return absl::StrCat(config.env().id(), " ", config.algorithm(), " seed ", config.seed());
}

absl::StatusOr<RunConfig> ResolveConfig(const ConfigSources& sources) {
  PMOE_ASSIGN_OR_RETURN(Given given, ReadSources(sources));
  PMOE_ASSIGN_OR_RETURN(const Algorithm* algorithm, FindAlgorithm(given.all.algorithm()));
  TakeWholeFile(*algorithm, &given);
  PMOE_RETURN_IF_ERROR(Join(sources, &given));
  PMOE_ASSIGN_OR_RETURN(RunConfig config, PresetConfig(given.all.preset(), *algorithm));
  PMOE_ASSIGN_OR_RETURN(const RunConfig standing, Standing(given.all.preset(), *algorithm));
  Overlay(given.all, &config);
  WriteDefaults(&config);
  PMOE_RETURN_IF_ERROR(ValidateConfig(config));
  // Last, for a rule between fields says more of what is wrong.
  PMOE_RETURN_IF_ERROR(CheckRead(given, standing, *algorithm, sources.config_file));
  return config;
}

std::vector<std::string> UnreadSettings(const RunConfig& config) {
  const Algorithm& algorithm = AlgorithmOf(config);
  const absl::StatusOr<RunConfig> standing = Standing(config.preset(), algorithm);
  if (!standing.ok()) return {};
  std::vector<std::string> settings;
  for (const SchemaField* field : UnreadFields(config, *standing, algorithm)) {
    settings.push_back(absl::StrCat(field->path, "=", ValueText(config, *field)));
  }
  return settings;
}

std::string PrintConfig(const RunConfig& config) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(config, &text);
  return text;
}

std::string ExplainConfig() {
  std::string text;
  for (const SchemaField& field : SchemaFields()) {
    const std::string range = RangeText(field), readers = ReadersText(field);
    absl::StrAppend(&text, field.path, field.path == "env.arg" ? ".NAME" : "", "  (",
                    TypeText(*field.field), range.empty() ? "" : ": ", range, DefaultText(field),
                    ")\n    ", field.rule->help());
    if (field.rule->has_usual()) absl::StrAppend(&text, "; ", field.rule->usual());
    if (!readers.empty()) absl::StrAppend(&text, "\n    read by: ", readers);
    absl::StrAppend(&text, "\n");
  }
  return text;
}

std::vector<std::string> ChangedFields(const RunConfig& before, const RunConfig& after) {
  std::vector<std::string> changed;
  for (const SchemaField& field : SchemaFields()) {
    const std::string old_text = ValueText(before, field);
    const std::string new_text = ValueText(after, field);
    if (old_text == new_text && IsSet(before, field) == IsSet(after, field)) continue;
    changed.push_back(absl::StrCat(field.path, ": ", IsSet(before, field) ? old_text : "unset",
                                   " -> ", IsSet(after, field) ? new_text : "unset"));
  }
  return changed;
}

std::vector<std::pair<std::string, std::string>> ChangedValues(const RunConfig& before,
                                                               const RunConfig& after) {
  std::vector<std::pair<std::string, std::string>> values;
  const Algorithm& algorithm = AlgorithmOf(after);
  for (const SchemaField& field : SchemaFields()) {
    const bool counts = IsSet(after, field) && Reads(algorithm, field);
    if (counts && ValueText(before, field) != ValueText(after, field)) {
      values.emplace_back(field.path, ValueText(after, field));
    }
  }
  return values;
}

int64_t UpdatesPerRound(const RunConfig& config) {
  const Algorithm& algorithm = AlgorithmOf(config);
  if (algorithm.on_policy()) {
    const LearnerConfig& learner = config.learner();
    const int64_t mdps = algorithm.has_options() ? 2 : 1;
    return mdps * learner.epochs() * (config.schedule().steps_per_round() / learner.batch_size());
  }
  return std::llround(config.schedule().steps_per_round() * config.schedule().updates_per_step());
}

int ChunkRows(const RunConfig& config) {
  constexpr int64_t kPageRows = 64;
  if (!AlgorithmOf(config).on_policy()) return kPageRows;
  const int64_t streams = int64_t{config.actor().count()} * config.actor().envs();
  const int64_t parts = IsLockstep(config) ? 1 : 4;
  return static_cast<int>(
      std::clamp<int64_t>(config.schedule().steps_per_round() / streams / parts, 1, kPageRows));
}

int64_t TotalSteps(const RunConfig& config) {
  const int64_t round = config.schedule().steps_per_round();
  return (config.schedule().total_steps() + round - 1) / round * round;
}

}  // namespace pmoe
