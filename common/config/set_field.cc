#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/schema.h"

namespace pmoe {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr absl::string_view kArgPrefix = "env.arg.";

// Whole numbers in any spelling: 1000000, 1e6, 2.5e5.
template <typename T>
bool ParseWhole(absl::string_view text, T* value) {
  if (absl::SimpleAtoi(text, value)) return true;
  double number = 0;
  constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double skips whole numbers
  if (!absl::SimpleAtod(text, &number) || !(number > -kExact && number < kExact)) return false;
  *value = static_cast<T>(number);
  return static_cast<double>(*value) == number;
}

bool ParseBool(absl::string_view text, bool* value) {
  const std::string lower = absl::AsciiStrToLower(text);
  *value = lower == "true" || lower == "1";
  return *value || lower == "false" || lower == "0";
}

template <typename T, typename Parser, typename Setter, typename Adder>
bool Store(bool repeated, absl::string_view text, Parser parse, Setter set, Adder add) {
  T value{};
  if (!parse(text, &value)) return false;
  if (repeated) {
    add(value);
  } else {
    set(value);
  }
  return true;
}

// Sets the value, or appends it to a list. False: the text is not of the field's type.
bool StoreText(Message* parent, const FieldDescriptor* field, absl::string_view text) {
  const google::protobuf::Reflection& r = *parent->GetReflection();
  const bool list = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return Store<int32_t>(
          list, text, ParseWhole<int32_t>, [&](int32_t v) { r.SetInt32(parent, field, v); },
          [&](int32_t v) { r.AddInt32(parent, field, v); });
    case FieldDescriptor::CPPTYPE_INT64:
      return Store<int64_t>(
          list, text, ParseWhole<int64_t>, [&](int64_t v) { r.SetInt64(parent, field, v); },
          [&](int64_t v) { r.AddInt64(parent, field, v); });
    case FieldDescriptor::CPPTYPE_UINT64:
      return Store<uint64_t>(
          list, text, ParseWhole<uint64_t>, [&](uint64_t v) { r.SetUInt64(parent, field, v); },
          [&](uint64_t v) { r.AddUInt64(parent, field, v); });
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Store<double>(
          list, text, [](absl::string_view t, double* v) { return absl::SimpleAtod(t, v); },
          [&](double v) { r.SetDouble(parent, field, v); },
          [&](double v) { r.AddDouble(parent, field, v); });
    case FieldDescriptor::CPPTYPE_BOOL:
      return Store<bool>(
          list, text, ParseBool, [&](bool v) { r.SetBool(parent, field, v); },
          [&](bool v) { r.AddBool(parent, field, v); });
    case FieldDescriptor::CPPTYPE_STRING:
      r.SetString(parent, field, std::string(text));
      return true;
    default:
      return false;
  }
}

// "1M", "300k": what is meant, as it can be read.
std::string Exponent(const FieldDescriptor& field, absl::string_view value) {
  const bool is_number = field.cpp_type() != FieldDescriptor::CPPTYPE_BOOL &&
                         field.cpp_type() != FieldDescriptor::CPPTYPE_STRING;
  if (!is_number || field.is_repeated()) return "";
  constexpr std::pair<char, int> kSuffixes[] = {{'k', 3}, {'m', 6}, {'g', 9}, {'b', 9}};
  double number = 0;
  for (const auto& [suffix, power] : kSuffixes) {
    const bool ends = !value.empty() && absl::ascii_tolower(value.back()) == suffix;
    const absl::string_view digits = value.substr(0, value.size() - 1);
    if (ends && absl::SimpleAtod(digits, &number)) {
      return absl::StrCat("; write ", digits, "e", power);
    }
  }
  return "";
}

absl::Status WrongType(const SchemaField& field, absl::string_view value) {
  std::string wanted = TypeText(*field.field);
  if (field.field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64) wanted += " >= 0";
  if (field.field->is_repeated()) wanted += " with commas between, like 256,256";
  std::string text = absl::StrCat(field.path, " must be ", wanted, ", got \"", value, "\"",
                                  Exponent(*field.field, value));
  if (field.rule->has_usual()) absl::StrAppend(&text, "; ", field.rule->usual());
  return absl::InvalidArgumentError(text);
}

absl::Status UnknownField(absl::string_view path) {
  for (const SchemaField& field : SchemaFields()) {
    if (absl::StartsWith(field.path, absl::StrCat(path, "."))) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, " is a group of settings; set one of its fields, e.g. ", field.path, "=…"));
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown setting ", path, SuggestPath(path),
                                                 " (`pmoe config print --explain` lists all)"));
}

absl::Status SetEnvArg(RunConfig* config, absl::string_view name, absl::string_view value) {
  if (name.empty()) {
    return absl::InvalidArgumentError("a task parameter needs a name: env.arg.NAME=VALUE");
  }
  for (EnvArg& arg : *config->mutable_env()->mutable_arg()) {
    if (arg.name() != name) continue;
    arg.set_value(std::string(value));
    return absl::OkStatus();
  }
  EnvArg* arg = config->mutable_env()->add_arg();
  arg->set_name(std::string(name));
  arg->set_value(std::string(value));
  return absl::OkStatus();
}

// "ctrl_cost_weight=0.1,reset_noise_scale=0" replaces all task parameters. Built apart: the value
// may be invalid.
absl::Status SetEnvArgs(RunConfig* config, absl::string_view value) {
  RunConfig parsed;
  for (absl::string_view part : absl::StrSplit(value, ',', absl::SkipWhitespace())) {
    const std::vector<std::string> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (pair.size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("env.arg must be a list of NAME=VALUE, got \"", value,
                       "\"; a value with commas needs env.arg.NAME=VALUE"));
    }
    PMOE_RETURN_IF_ERROR(SetEnvArg(&parsed, absl::StripAsciiWhitespace(pair[0]), pair[1]));
  }
  config->mutable_env()->mutable_arg()->Swap(parsed.mutable_env()->mutable_arg());
  return absl::OkStatus();
}

}  // namespace

absl::Status SetField(RunConfig* config, absl::string_view path, absl::string_view value) {
  if (absl::StartsWith(path, kArgPrefix)) {
    return SetEnvArg(config, absl::StripPrefix(path, kArgPrefix), value);
  }
  if (path == "env.arg") return SetEnvArgs(config, value);
  const SchemaField* field = FindSchemaField(path);
  if (field == nullptr) return UnknownField(path);
  RunConfig changed = *config;  // a list with a bad element must leave the old list
  Message* parent = MutableParent(&changed, *field);
  parent->GetReflection()->ClearField(parent, field->field);
  if (field->field->is_repeated()) {
    for (absl::string_view part : absl::StrSplit(value, ',')) {
      if (value.empty()) break;
      if (!StoreText(parent, field->field, absl::StripAsciiWhitespace(part))) {
        return WrongType(*field, value);
      }
    }
  } else if (!StoreText(parent, field->field, value)) {
    return WrongType(*field, value);
  }
  config->Swap(&changed);
  return absl::OkStatus();
}

}  // namespace pmoe
