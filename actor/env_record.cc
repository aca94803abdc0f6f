#include "actor/env_record.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/registry.h"
#include "actor/model_record.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/text_message.h"
#include "control/wire/env_identity.h"
#include "proto/task.pb.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

constexpr size_t kDigestShown = 16;  // its first digits

// Every field that is set and is not its default: what the file means, whatever it looks like.
void AddFacts(const Message& message, const std::string& path, EnvSpecMessage* spec);

void AddFact(const Message& message, const FieldDescriptor* field, int index,
             const std::string& path, EnvSpecMessage* spec) {
  const auto* const reflection = message.GetReflection();
  if (field->message_type() != nullptr) {
    AddFacts(index < 0 ? reflection->GetMessage(message, field)
                       : reflection->GetRepeatedMessage(message, field, index),
             path, spec);
    return;
  }
  std::string value;
  TextFormat::PrintFieldValueToString(message, field, index, &value);
  if (field->has_default_value()) {
    std::string unset;
    const Message& defaults =
        *reflection->GetMessageFactory()->GetPrototype(message.GetDescriptor());
    TextFormat::PrintFieldValueToString(defaults, field, -1, &unset);
    if (value == unset) return;
  }
  EnvFact* const fact = spec->add_facts();
  fact->set_name(path);
  fact->set_value(std::move(value));
}

void AddFacts(const Message& message, const std::string& path, EnvSpecMessage* spec) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string name = absl::StrCat(path, ".", field->name());
    // Where the model lies; what it is, its own facts say.
    if (name == "task.model") continue;
    if (!field->is_repeated()) {
      AddFact(message, field, -1, name, spec);
      continue;
    }
    const int size = message.GetReflection()->FieldSize(message, field);
    for (int i = 0; i < size; ++i) {
      AddFact(message, field, i, absl::StrCat(name, "[", i, "]"), spec);
    }
  }
}

// What lies beside each other on disk does so in the record.
class RecordWriter {
 public:
  void AddFile(const std::string& role, const std::string& path, std::string bytes) {
    EnvFileInfo info;
    info.set_role(role);
    info.set_bytes(bytes.size());
    info.set_sha256(Sha256(bytes));
    *record_.spec.add_files() = std::move(info);
    record_.files.push_back(std::move(bytes));
    paths_.push_back(fs::absolute(path).lexically_normal());
  }

  absl::Status AddTask(const std::string& file) {
    PMOE_ASSIGN_OR_RETURN(std::string text, ReadFile(file));
    MjcfTaskConfig task;
    PMOE_RETURN_IF_ERROR(ParseTextMessage(text, file, &task));
    AddFacts(task, "task", &record_.spec);
    AddFile("task", file, std::move(text));
    return absl::OkStatus();
  }

  absl::Status AddModel(const std::string& path) {
    PMOE_ASSIGN_OR_RETURN(ModelRecord model, RecordModel(path));
    for (EnvFact& fact : model.facts) *record_.spec.add_facts() = std::move(fact);
    for (RecordedFile& file : model.files) AddFile("model", file.path, std::move(file.bytes));
    return absl::OkStatus();
  }

  absl::Status AddPlugin(const std::string& file) {
    PMOE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file));
    EnvFact* const fact = record_.spec.add_facts();
    fact->set_name("plugin.library");
    fact->set_value(
        absl::StrCat(bytes.size(), " bytes with digest ", Sha256(bytes).substr(0, kDigestShown)));
    return absl::OkStatus();
  }

  EnvRecord Take() {
    fs::path common = paths_.empty() ? fs::path() : paths_.front().parent_path();
    for (const fs::path& path : paths_) {
      while (*path.lexically_relative(common).begin() == "..") {
        common = common.parent_path();
      }
    }
    for (size_t i = 0; i < paths_.size(); ++i) {
      record_.paths.push_back(paths_[i].string());
      record_.spec.mutable_files(static_cast<int>(i))
          ->set_name(paths_[i].lexically_relative(common).string());
    }
    return std::move(record_);
  }

  EnvSpecMessage* spec() { return &record_.spec; }

 private:
  EnvRecord record_;
  std::vector<fs::path> paths_;  // [files]
};

}  // namespace

EnvSpecMessage ToMessage(const EnvSpec& spec) {
  EnvSpecMessage message;
  message.set_id(spec.id);
  for (const auto& [name, value] : spec.args) (*message.mutable_args())[name] = value;
  message.set_obs_dim(spec.obs_dim);
  message.set_action_dim(spec.action_dim);
  message.mutable_action_low()->Add(spec.action_low.begin(), spec.action_low.end());
  message.mutable_action_high()->Add(spec.action_high.begin(), spec.action_high.end());
  message.set_max_episode_steps(spec.max_episode_steps);
  message.set_simulator(SimulatorName());
  return message;
}

absl::StatusOr<EnvRecord> RecordEnv(const Env& env) {
  RecordWriter record;
  *record.spec() = ToMessage(env.spec());
  const std::string& id = env.spec().id;
  const std::string kind = FileKind(id);
  const std::string file = kind.empty() ? "" : id.substr(kind.size() + 1);
  if (kind == "mjcf") PMOE_RETURN_IF_ERROR(record.AddTask(file));
  if (kind == "plugin") PMOE_RETURN_IF_ERROR(record.AddPlugin(file));
  for (const auto& [name, value] : env.Facts()) {
    EnvFact* const fact = record.spec()->add_facts();
    fact->set_name(name);
    fact->set_value(value);
  }
  if (const auto* const simulated = dynamic_cast<const MujocoEnv*>(&env)) {
    PMOE_RETURN_IF_ERROR(record.AddModel(simulated->model_path()));
  }
  return record.Take();
}

}  // namespace pmoe
