// The configuration schema as a flat list of fields, read once from the descriptors. Immutable,
// shared by all threads.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "proto/options.pb.h"

namespace pmoe {

struct SchemaField {
  std::string path;  // "learner.actor_lr"
  const google::protobuf::FieldDescriptor* field;
  const Rule* rule;
  std::vector<std::string> choices;  // valid texts; empty: any
};

// In the schema's order. Messages are walked through; the list env.arg is one field.
const std::vector<SchemaField>& SchemaFields();

// nullptr: no field has that path.
const SchemaField* FindSchemaField(absl::string_view path);

// The message of `config` that holds the field.
const google::protobuf::Message& Parent(const google::protobuf::Message& config,
                                        const SchemaField& field);
google::protobuf::Message* MutableParent(google::protobuf::Message* config,
                                         const SchemaField& field);

// Set, or a list with elements.
bool IsSet(const google::protobuf::Message& config, const SchemaField& field);

// The value as SetField reads it: "0.001", "true", "256,256", "ctrl_cost_weight=0.1"; empty while
// unset.
std::string ValueText(const google::protobuf::Message& config, const SchemaField& field);

// "a whole number", "a number", "true or false", "text", "a list of whole numbers", …
std::string TypeText(const google::protobuf::FieldDescriptor& field);

// Full paths that `path` may stand for, as "; did you mean learner.actor_lr?"; empty when nothing
// is near.
std::string SuggestPath(absl::string_view path);
// Paths of the settings whose name is that word, "lr", or else ends with it, or else has it; empty
// where too many have.
std::vector<std::string> FieldsWithWord(absl::string_view word);

}  // namespace pmoe
