#include "dashboard/run_marks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dashboard/json.h"

namespace pmoe {
namespace {

constexpr size_t kTimeBytes = sizeof("2026-11-30 14:11:15 ") - 1;
constexpr size_t kMarkTextMax = 120;

const char* KindOf(absl::string_view what) {
  if (what == "checkpoint") return "checkpoint";
  if (what == "resumed") return "restart";
  const bool of_actors = absl::StrContains(what, "actor");
  if (of_actors && absl::EndsWith(what, " joined")) return "joined";
  if (of_actors && (absl::EndsWith(what, " has left") || absl::EndsWith(what, " have left") ||
                    absl::EndsWith(what, " is gone") || absl::EndsWith(what, " are gone"))) {
    return "gone";
  }
  return nullptr;
}

}  // namespace

void RunMarks::AddLine(absl::string_view line) {
  // "<time> <what> at <n> env steps[…]"
  if (line.size() <= kTimeBytes) return;
  line.remove_prefix(kTimeBytes);
  const size_t end = line.find(" env steps");
  const size_t at = line.substr(0, end).rfind(" at ");
  if (end == absl::string_view::npos || at == absl::string_view::npos) return;
  RunMark mark;
  const absl::string_view steps = line.substr(at + 4, end - at - 4);
  const char* const kind = KindOf(line.substr(0, at));
  if (kind == nullptr || !absl::SimpleAtoi(steps, &mark.env_steps)) return;
  mark.kind = kind;
  mark.text = std::string(line.substr(0, std::min(at, kMarkTextMax)));
  if (marks_.size() == kMarksMax) ThinOut();
  marks_.push_back(std::move(mark));
  ++changes_;
}

void RunMarks::Clear() {
  marks_.clear();
  ++changes_;
}

void RunMarks::ThinOut() {
  const auto is_checkpoint = [](const RunMark& mark) { return mark.kind == "checkpoint"; };
  const bool only_these = std::count_if(marks_.begin(), marks_.end(), is_checkpoint) > 1;
  bool goes = false;
  std::erase_if(marks_, [&](const RunMark& mark) {
    if (only_these && !is_checkpoint(mark)) return false;
    goes = !goes;
    return goes;
  });
}

std::string RunMarks::Json() const {
  std::string text = "[";
  for (const RunMark& mark : marks_) {
    absl::StrAppend(&text, text.size() > 1 ? "," : "", R"({"kind":")", mark.kind,
                    R"(","env_steps":)", mark.env_steps, R"(,"text":)", JsonText(mark.text), "}");
  }
  return text + "]";
}

}  // namespace pmoe
