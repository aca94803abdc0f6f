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
#include "common/config/algorithms.h"
#include "common/config/presets.h"
#include "common/config/rules.h"
#include "common/config/schema.h"
#include "google/protobuf/text_format.h"

namespace pmoe {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Everything the user said, and nothing else: fields nobody named stay unset.
absl::StatusOr<RunConfig> Given(const ConfigSources& sources) {
  RunConfig given;
  if (!sources.config_file.empty()) {
    PMOE_ASSIGN_OR_RETURN(const std::string text, ReadText(sources.config_file));
    PMOE_ASSIGN_OR_RETURN(given, ParseConfigText(text, sources.config_file));
  }
  if (!sources.preset.empty()) given.set_preset(sources.preset);
  for (const auto& [path, value] : sources.flags) {
    PMOE_RETURN_IF_ERROR(SetField(&given, path, value));
  }
  for (const std::string& set : sources.sets) {
    const std::vector<std::string> pair = absl::StrSplit(set, absl::MaxSplits('=', 1));
    if (pair.size() != 2 || pair[0].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--set needs path=value, like learner.actor_lr=3e-4, got \"", set, "\""));
    }
    PMOE_RETURN_IF_ERROR(SetField(&given, pair[0], pair[1]));
  }
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
  for (EnvArg& arg : *env->mutable_arg()) {
    const bool relative = arg.name() == "xml_file" && absl::StartsWith(arg.value(), ".");
    if (relative) arg.set_value(absolute(arg.value()));
  }
}

void WriteList(const std::vector<int32_t>& values, google::protobuf::RepeatedField<int32_t>* list) {
  if (list->empty()) list->Add(values.begin(), values.end());
}

void WriteDefaultHidden(RunConfig* config) {
  const HiddenUnits units = DefaultHidden(config->algorithm());
  WriteList(units.trunk, config->mutable_policy()->mutable_hidden());
  WriteList(units.primitive, config->mutable_policy()->mutable_primitive_hidden());
  WriteList(units.router, config->mutable_policy()->mutable_router_hidden());
  WriteList(units.critic, config->mutable_learner()->mutable_critic_hidden());
  if (config->algorithm() == "pmoe_ppo") {
    WriteList({64, 64, 64}, config->mutable_learner()->mutable_qnet_hidden());
  }
}

// A saved configuration must mean the same after a default changes.
void WriteDefaults(RunConfig* config) {
  for (const SchemaField& field : SchemaFields()) {
    if (!field.field->has_default_value() || IsSet(*config, field)) continue;
    WriteSchemaDefault(MutableParent(config, field), field.field);
  }
  WriteAbsolutePaths(config->mutable_env());
  PolicyConfig* policy = config->mutable_policy();
  if (!policy->has_primitives()) {
    policy->set_primitives(DefaultPrimitives(config->algorithm(), config->env().id()));
  }
  WriteDefaultHidden(config);
}

std::string DefaultText(const SchemaField& field) {
  if (!field.field->has_default_value()) return "";
  RunConfig config;
  WriteSchemaDefault(MutableParent(&config, field), field.field);
  const std::string text = ValueText(config, field);
  return absl::StrCat(", default ", text.empty() ? "\"\"" : text);
}

}  // namespace

absl::StatusOr<RunConfig> ResolveConfig(const ConfigSources& sources) {
  PMOE_ASSIGN_OR_RETURN(const RunConfig given, Given(sources));
  PMOE_ASSIGN_OR_RETURN(RunConfig config, PresetConfig(given.preset(), given.algorithm()));
  Overlay(given, &config);
  WriteDefaults(&config);
  PMOE_RETURN_IF_ERROR(ValidateConfig(config));
  return config;
}

std::string PrintConfig(const RunConfig& config) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(config, &text);
  return text;
}

std::string ExplainConfig() {
  std::string text;
  for (const SchemaField& field : SchemaFields()) {
    const std::string range = RangeText(*field.rule);
    absl::StrAppend(&text, field.path, field.path == "env.arg" ? ".NAME" : "", "  (",
                    TypeText(*field.field), range.empty() ? "" : ": ", range, DefaultText(field),
                    ")\n    ", field.rule->help());
    if (field.rule->has_usual()) absl::StrAppend(&text, "; ", field.rule->usual());
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
  for (const SchemaField& field : SchemaFields()) {
    if (IsSet(after, field) && ValueText(before, field) != ValueText(after, field)) {
      values.emplace_back(field.path, ValueText(after, field));
    }
  }
  return values;
}

int64_t UpdatesPerRound(const RunConfig& config) {
  if (IsOnPolicy(config.algorithm())) {
    const LearnerConfig& learner = config.learner();
    const int64_t mdps = config.algorithm() == "dac" ? 2 : 1;
    return mdps * learner.epochs() * (config.schedule().steps_per_round() / learner.batch_size());
  }
  return std::llround(config.schedule().steps_per_round() * config.schedule().updates_per_step());
}

int ChunkRows(const RunConfig& config) {
  constexpr int64_t kPageRows = 64;
  if (!IsOnPolicy(config.algorithm())) return kPageRows;
  const int64_t streams = int64_t{config.actor().count()} * config.actor().envs();
  const int64_t parts = config.schedule().mode() == "async" ? 4 : 1;
  return static_cast<int>(
      std::clamp<int64_t>(config.schedule().steps_per_round() / streams / parts, 1, kPageRows));
}

int64_t TotalSteps(const RunConfig& config) {
  const int64_t round = config.schedule().steps_per_round();
  return (config.schedule().total_steps() + round - 1) / round * round;
}

}  // namespace pmoe
