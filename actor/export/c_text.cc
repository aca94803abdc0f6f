#include "actor/export/c_text.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/number_text.h"

namespace pmoe {
namespace {

constexpr size_t kColumns = 98;

bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }

std::string Array(const std::string& head, size_t count,
                  const std::function<std::string(size_t)>& number) {
  std::string text = absl::StrCat("static const ", head, "[", count, "] = {");
  std::string line = "\n  ";
  for (size_t i = 0; i < count; ++i) {
    const std::string next = absl::StrCat(number(i), i + 1 < count ? "," : "");
    if (line.size() + next.size() > kColumns) {
      text += line;
      line = "\n  ";
    }
    line += next;
  }
  return absl::StrCat(text, line, "};\n");
}

}  // namespace

std::string CFloat(float value) {
  std::string text = NumberText(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string CFloatArray(const std::string& name, absl::Span<const float> values) {
  return Array("float " + name, values.size(), [&](size_t i) { return CFloat(values[i]); });
}

std::string CIntArray(const std::string& name, absl::Span<const int> values) {
  return Array("int " + name, values.size(), [&](size_t i) { return std::to_string(values[i]); });
}

std::string CString(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '?') {  // ? for trigraphs
      absl::StrAppend(&quoted, "\\", std::string(1, c));
    } else if (IsPrintable(c)) {
      quoted += c;
    } else {
      absl::StrAppendFormat(&quoted, "\\%03o", static_cast<unsigned char>(c));
    }
  }
  return quoted + "\"";
}

std::string CComment(absl::string_view text) {
  std::string safe(text);
  for (char& c : safe) {
    if (!IsPrintable(c) || c == '*' || c == '\\') c = '_';
  }
  return safe;
}

}  // namespace pmoe
