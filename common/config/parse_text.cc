#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/near_names.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/schema.h"
#include "common/config/text_message.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace pmoe {
namespace {

// Keeps the first error; those after it are consequences of it.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (found()) return;
    line_ = line;
    column_ = column;
    message_ = message;
  }
  bool found() const { return !message_.empty(); }
  int line() const { return line_; }
  int column() const { return column_; }
  const std::string& message() const { return message_; }

 private:
  int line_ = 0;    // from 0
  int column_ = 0;  // from 0, tabs to the next multiple of 8
  std::string message_;
};

size_t Offset(absl::string_view text, int line, int column) {
  size_t begin = 0;
  for (; line > 0 && begin < text.size(); --line) {
    const size_t newline = text.find('\n', begin);
    if (newline == absl::string_view::npos) return text.size();
    begin = newline + 1;
  }
  const size_t end = std::min(text.find('\n', begin), text.size());
  return std::min(begin + static_cast<size_t>(column), end);
}

bool IsNameChar(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// From an opening quote to behind the closing one.
size_t SkipString(absl::string_view text, size_t i) {
  const char quote = text[i++];
  while (i < text.size() && text[i] != quote) i += text[i] == '\\' ? 2 : 1;
  return i + 1;
}

// The field that is being written at that place, "learner.actor_lr": the parser's own messages do
// not name it.
std::string PathAt(absl::string_view text, size_t place) {
  std::vector<std::string> open;
  std::string name;
  for (size_t i = 0; i < std::min(place, text.size());) {
    if (text[i] == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (text[i] == '"' || text[i] == '\'') {
      i = SkipString(text, i);
    } else if (IsNameChar(text[i])) {
      size_t end = i;
      while (end < text.size() && IsNameChar(text[end])) ++end;
      size_t next = end;
      while (next < text.size() && absl::ascii_isspace(text[next])) ++next;
      // A name is followed by ":" or "{"; other words are values.
      if (next < text.size() && (text[next] == ':' || text[next] == '{')) {
        name = std::string(text.substr(i, end - i));
      }
      i = end;
    } else {
      if (text[i] == '{') {
        open.push_back(name);
        name.clear();
      }
      if (text[i] == '}' && !open.empty()) open.pop_back();
      if (text[i] == '}') name.clear();
      ++i;
    }
  }
  if (!name.empty()) open.push_back(name);
  return absl::StrJoin(open, ".");
}

// "; did you mean actor_lr?": the fields of the message that the parser was in.
std::string SuggestField(absl::string_view parser_message, absl::string_view path) {
  // Message type "pmoe.LearnerConfig" has no field named "actor_rl".
  const std::vector<std::string> quoted = absl::StrSplit(parser_message, '"');
  const google::protobuf::Descriptor* type =
      quoted.size() < 4
          ? nullptr
          : google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(quoted[1]);
  if (type == nullptr) return "";
  std::vector<std::string> names;
  for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
  const std::vector<std::string> near = NearNames(quoted[3], names);
  return near.empty() ? SuggestPath(path) : absl::StrCat("; did you mean ", near.front(), "?");
}

bool IsTypeError(absl::string_view message) {
  return absl::StartsWith(message, "Expected double") ||
         absl::StartsWith(message, "Expected integer") ||
         absl::StartsWith(message, "Expected string") ||
         absl::StartsWith(message, "Invalid value for boolean") ||
         absl::StartsWith(message, "Integer out of range");
}

absl::Status Describe(absl::string_view text, absl::string_view source, const FirstError& error) {
  const size_t place = Offset(text, error.line(), error.column());
  const std::string path = PathAt(text, place);
  const std::string& message = error.message();
  const std::string where = absl::StrCat(source, ":", error.line() + 1, ": ");
  const SchemaField* field = FindSchemaField(path);
  if (absl::StrContains(message, "has no field named")) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, "unknown field ", path, SuggestField(message, path)));
  }
  if (absl::StripTrailingAsciiWhitespace(text).size() <= place &&
      absl::EndsWith(message, "got: ")) {
    return absl::InvalidArgumentError(absl::StrCat(
        where, "the text ends too early", path.empty() ? "" : absl::StrCat(" after ", path),
        "; a value or a closing } is missing"));
  }
  if (field != nullptr && IsTypeError(message)) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, path, " must be ", TypeText(*field->field), " (", message, ")"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(where, path.empty() ? "" : absl::StrCat(path, ": "), message));
}

}  // namespace

absl::Status ParseTextMessage(absl::string_view text, absl::string_view source,
                              google::protobuf::Message* message,
                              google::protobuf::TextFormat::ParseInfoTree* locations) {
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(locations);
  if (parser.ParseFromString(std::string(text), message)) return absl::OkStatus();
  if (error.found()) return Describe(text, source, error);
  return absl::InvalidArgumentError(absl::StrCat(source, " is no textproto"));
}

absl::StatusOr<RunConfig> ParseConfigText(absl::string_view text, absl::string_view source) {
  RunConfig config;
  PMOE_RETURN_IF_ERROR(ParseTextMessage(text, source, &config));
  return config;
}

}  // namespace pmoe
