#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/run_config.h"
#include "common/config/schema.h"
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
  for (size_t i = 0; i < std::min(place + 1, text.size());) {
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

absl::Status Describe(absl::string_view text, absl::string_view source, const FirstError& error) {
  const std::string path = PathAt(text, Offset(text, error.line(), error.column()));
  std::string what = absl::StrCat(source, ":", error.line() + 1, ": ");
  if (absl::StrContains(error.message(), "has no field named")) {
    absl::StrAppend(&what, "unknown field ", path, SuggestPath(path));
  } else {
    if (!path.empty()) absl::StrAppend(&what, path, ": ");
    absl::StrAppend(&what, error.message());
  }
  return absl::InvalidArgumentError(what);
}

}  // namespace

absl::StatusOr<RunConfig> ParseConfigText(absl::string_view text, absl::string_view source) {
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  RunConfig config;
  if (parser.ParseFromString(std::string(text), &config)) return config;
  if (error.found()) return Describe(text, source, error);
  return absl::InvalidArgumentError(absl::StrCat(source, " is not a configuration in textproto"));
}

}  // namespace pmoe
