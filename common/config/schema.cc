#include "common/config/schema.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/near_names.h"
#include "common/config/algorithms.h"
#include "google/protobuf/text_format.h"
#include "proto/config.pb.h"

namespace pmoe {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::vector<std::string> ChoicesOf(const Rule& rule) {
  if (rule.algorithm()) return AlgorithmNames();
  return absl::StrSplit(rule.choices(), '|', absl::SkipEmpty());
}

void Walk(const Descriptor& type, const std::string& prefix, std::vector<SchemaField>* fields) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    const std::string path = absl::StrCat(prefix, field->name());
    if (field->message_type() != nullptr && !field->is_repeated()) {
      Walk(*field->message_type(), absl::StrCat(path, "."), fields);
    } else {
      const Rule& of = field->options().GetExtension(rule);
      fields->push_back({path, field, &of, ChoicesOf(of)});
    }
  }
}

std::vector<std::string> Folders(const SchemaField& field) {
  std::vector<std::string> parts = absl::StrSplit(field.path, '.');
  parts.pop_back();
  return parts;
}

// "env", "policy", …
std::vector<std::string> Groups() {
  std::vector<std::string> names;
  for (int i = 0; i < RunConfig::descriptor()->field_count(); ++i) {
    const FieldDescriptor* field = RunConfig::descriptor()->field(i);
    if (field->message_type() != nullptr) names.push_back(field->name());
  }
  return names;
}

std::string ElementText(const Message& parent, const FieldDescriptor* field, int index) {
  if (field->message_type() != nullptr) {
    const auto& arg = static_cast<const EnvArg&>(
        parent.GetReflection()->GetRepeatedMessage(parent, field, index));
    return absl::StrCat(arg.name(), "=", arg.value());
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return field->is_repeated() ? parent.GetReflection()->GetRepeatedString(parent, field, index)
                                : parent.GetReflection()->GetString(parent, field);
  }
  std::string text;
  google::protobuf::TextFormat::PrintFieldValueToString(parent, field, index, &text);
  return text;
}

}  // namespace

const std::vector<SchemaField>& SchemaFields() {
  // Never destroyed: threads may still read it while the process ends.
  static const auto& fields = *[] {
    auto* list = new std::vector<SchemaField>();
    Walk(*RunConfig::descriptor(), "", list);
    return list;
  }();
  return fields;
}

const SchemaField* FindSchemaField(absl::string_view path) {
  for (const SchemaField& field : SchemaFields()) {
    if (field.path == path) return &field;
  }
  return nullptr;
}

const Message& Parent(const Message& config, const SchemaField& field) {
  const Message* message = &config;
  for (const std::string& part : Folders(field)) {
    message = &message->GetReflection()->GetMessage(
        *message, message->GetDescriptor()->FindFieldByName(part));
  }
  return *message;
}

Message* MutableParent(Message* config, const SchemaField& field) {
  for (const std::string& part : Folders(field)) {
    config = config->GetReflection()->MutableMessage(
        config, config->GetDescriptor()->FindFieldByName(part));
  }
  return config;
}

bool IsSet(const Message& config, const SchemaField& field) {
  const Message& parent = Parent(config, field);
  return field.field->is_repeated() ? parent.GetReflection()->FieldSize(parent, field.field) > 0
                                    : parent.GetReflection()->HasField(parent, field.field);
}

std::string ValueText(const Message& config, const SchemaField& field) {
  if (!IsSet(config, field)) return "";
  const Message& parent = Parent(config, field);
  if (!field.field->is_repeated()) return ElementText(parent, field.field, -1);
  std::vector<std::string> elements;
  for (int i = 0; i < parent.GetReflection()->FieldSize(parent, field.field); ++i) {
    elements.push_back(ElementText(parent, field.field, i));
  }
  return absl::StrJoin(elements, ",");
}

std::string TypeText(const FieldDescriptor& field) {
  if (field.message_type() != nullptr) return "a list of NAME=VALUE";
  const bool list = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return list ? "a list of numbers" : "a number";
    case FieldDescriptor::CPPTYPE_STRING:
      return list ? "a list of texts" : "text";
    default:
      return list ? "a list of whole numbers" : "a whole number";
  }
}

std::vector<std::string> FieldsWithWord(absl::string_view word) {
  std::vector<std::string> whole, ending, others;
  for (const SchemaField& field : SchemaFields()) {
    const std::vector<std::string> words = absl::StrSplit(field.field->name(), '_');
    if (field.field->name() == word) {
      whole.push_back(field.path);
    } else if (words.back() == word) {
      ending.push_back(field.path);
    } else if (std::find(words.begin(), words.end(), word) != words.end()) {
      others.push_back(field.path);
    }
  }
  const std::vector<std::string>& paths = !whole.empty() ? whole : ending.empty() ? others : ending;
  constexpr size_t kPathsMax = 5;  // beyond, the word says too little
  return paths.size() > kPathsMax ? std::vector<std::string>() : paths;
}

std::string SuggestPath(absl::string_view path) {
  std::vector<std::string> paths, leaves;
  for (const SchemaField& field : SchemaFields()) {
    paths.push_back(field.path);
    leaves.push_back(std::string(field.field->name()));
  }
  // "learner.lr" and "lr" mean one of the rates, however near in letters learner.tau is.
  const size_t dot = path.rfind('.');
  std::vector<std::string> near = FieldsWithWord(dot == path.npos ? path : path.substr(dot + 1));
  if (near.empty()) near = NearNames(path, paths);
  if (near.empty()) {
    // The right name in the wrong place ("policy.actor_lr"), or without its place ("actorlr").
    const std::vector<std::string> parts = absl::StrSplit(path, '.');
    for (const std::string& leaf : NearNames(parts.back(), leaves)) {
      const size_t i = std::find(leaves.begin(), leaves.end(), leaf) - leaves.begin();
      if (std::find(near.begin(), near.end(), paths[i]) == near.end()) near.push_back(paths[i]);
    }
  }
  if (near.empty()) near = NearNames(path, Groups());
  return near.empty() ? "" : absl::StrCat("; did you mean ", absl::StrJoin(near, " or "), "?");
}

}  // namespace pmoe
