#include "replay/load/npy_header.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr size_t kDimensionsMax = 8;
constexpr size_t kTextMax = 80;  // of what a file says, in a message

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("its header ", what, "; is it NumPy's own?"));
}

// Reads Python literals from front to back.
class Literals {
 public:
  explicit Literals(absl::string_view text) : rest_(text) {}

  bool Eat(char c) {
    SkipSpace();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Between quotes; NumPy's have no escapes.
  std::optional<absl::string_view> String() {
    for (const char quote : {'\'', '"'}) {
      if (!Eat(quote)) continue;
      const size_t end = rest_.find(quote);
      if (end == absl::string_view::npos) return std::nullopt;
      const absl::string_view text = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      return text;
    }
    return std::nullopt;
  }
  // Letters and digits: True, False, a number.
  absl::string_view Word() {
    SkipSpace();
    size_t end = 0;
    while (end < rest_.size() && absl::ascii_isalnum(static_cast<unsigned char>(rest_[end]))) ++end;
    const absl::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }
  bool AtEnd() {
    SkipSpace();
    return rest_.empty();
  }

 private:
  void SkipSpace() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }

  absl::string_view rest_;
};

absl::StatusOr<NpyType> ParseType(Literals* in) {
  const std::optional<absl::string_view> descr = in->String();
  if (!descr.has_value()) {
    return absl::InvalidArgumentError(
        "it is a structured array; save each of its fields as an array of its own");
  }
  static constexpr std::pair<absl::string_view, NpyType> kTypes[] = {{"<f4", NpyType::kFloat32},
                                                                     {"<f8", NpyType::kFloat64},
                                                                     {"|b1", NpyType::kBool},
                                                                     {"|u1", NpyType::kUint8},
                                                                     {"<i8", NpyType::kInt64}};
  for (const auto& [name, type] : kTypes) {
    if (*descr == name) return type;
  }
  const std::string said = PrintableText(*descr, kTextMax);
  if (!descr->empty() && descr->front() == '>') {
    return absl::InvalidArgumentError(
        absl::StrCat("its dtype ", said, " is big endian; save it as array.astype('<f4')"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("its dtype ", said,
                   " is none of <f4, <f8, |b1, |u1, <i8; save it as "
                   "array.astype('<f4'), flags as array.astype(bool)"));
}

absl::StatusOr<std::vector<uint64_t>> ParseShape(Literals* in) {
  std::vector<uint64_t> shape;
  if (!in->Eat('(')) return Bad("has a shape that is no tuple");
  while (!in->Eat(')')) {
    uint64_t size = 0;
    if (shape.size() == kDimensionsMax || !absl::SimpleAtoi(in->Word(), &size)) {
      return Bad("has a shape that cannot be read");
    }
    shape.push_back(size);
    if (in->Eat(',')) continue;
    if (in->Eat(')')) break;
    return Bad("has a shape that cannot be read");
  }
  return shape;
}

absl::Status CheckOrder(Literals* in) {
  const absl::string_view word = in->Word();
  if (word == "False") return absl::OkStatus();
  if (word != "True") return Bad("has a fortran_order that is neither True nor False");
  return absl::InvalidArgumentError(
      "it is in Fortran's order; save it as numpy.ascontiguousarray(array)");
}

}  // namespace

size_t BytesOf(NpyType type) {
  switch (type) {
    case NpyType::kFloat32:
      return 4;
    case NpyType::kFloat64:
    case NpyType::kInt64:
      return 8;
    case NpyType::kBool:
    case NpyType::kUint8:
      break;
  }
  return 1;
}

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view text) {
  Literals in(text);
  NpyHeader header;
  bool has_type = false, has_order = false, has_shape = false;
  if (!in.Eat('{')) return Bad("is no dictionary");
  while (!in.Eat('}')) {
    const std::optional<absl::string_view> key = in.String();
    if (!key.has_value() || !in.Eat(':')) return Bad("cannot be read");
    if (*key == "descr" && !std::exchange(has_type, true)) {
      PMOE_ASSIGN_OR_RETURN(header.type, ParseType(&in));
    } else if (*key == "fortran_order" && !std::exchange(has_order, true)) {
      PMOE_RETURN_IF_ERROR(CheckOrder(&in));
    } else if (*key == "shape" && !std::exchange(has_shape, true)) {
      PMOE_ASSIGN_OR_RETURN(header.shape, ParseShape(&in));
    } else {
      return Bad(absl::StrCat("has the key ", PrintableText(*key, kTextMax)));
    }
    (void)in.Eat(',');
  }
  if (!in.AtEnd()) return Bad("goes on behind its end");
  if (!has_type || !has_order || !has_shape) return Bad("lacks descr, fortran_order or shape");
  return header;
}

}  // namespace pmoe
