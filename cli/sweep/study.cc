#include "cli/sweep/study.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/sweep/sweep_plan.h"
#include "common/base/build_info.h"
#include "common/base/number_text.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "common/config/schema.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

using google::protobuf::FieldDescriptor;
using Json = nlohmann::json;

constexpr int kTrialsMax = 10'000;

bool IsWhole(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return true;
    default:
      return false;
  }
}

absl::Status CheckRange(const SweepRange& range, const std::string& at) {
  const auto wrong = [&at](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(at, what));
  };
  const SchemaField* const schema = FindSchemaField(range.field());
  if (schema == nullptr) {
    return wrong(absl::StrCat(": unknown setting ", range.field(), SuggestPath(range.field())));
  }
  const FieldDescriptor& field = *schema->field;
  const bool whole = IsWhole(field);
  if (field.is_repeated() || (!whole && field.cpp_type() != FieldDescriptor::CPPTYPE_DOUBLE)) {
    return wrong(absl::StrCat(" (", range.field(), ") is no number; list its values in a grid"));
  }
  const std::string got = absl::StrCat(", got ", range.min(), " and ", range.max());
  if (!(range.min() < range.max()) || !std::isfinite(range.max() - range.min())) {
    return wrong(absl::StrCat(" (", range.field(), ") needs finite min < max", got));
  }
  if (range.log() && !(range.min() > 0)) {
    return wrong(absl::StrCat(" (", range.field(), ") needs min > 0 with log", got));
  }
  if (whole && (range.min() != std::floor(range.min()) || range.max() != std::floor(range.max()))) {
    return wrong(absl::StrCat(" (", range.field(), ") needs whole numbers", got));
  }
  return absl::OkStatus();
}

std::string Spelling(double value, bool whole) {
  return whole ? absl::StrCat(static_cast<int64_t>(value)) : NumberText(value);
}

}  // namespace

absl::StatusOr<std::string> StudyPlan(const SweepFile& sweep, const std::string& file, int jobs) {
  if (sweep.range().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file,
                     ": --study wants a range, like range { field: \"learner.actor_lr\" min: "
                     "1e-4 max: 3e-3 log: true }; a grid alone needs no --study"));
  }
  if (!sweep.variant().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": variant is not for a study; make a study of each, with its set in the file's"));
  }
  if (sweep.trials() < 1 || sweep.trials() > kTrialsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": trials must be in [1, ", kTrialsMax, "], got ", sweep.trials()));
  }
  if (sweep.objective() != "last" && sweep.objective() != "best" && sweep.objective() != "mean") {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": objective must be last, best or mean, got \"", sweep.objective(), "\""));
  }
  // The ends of all ranges together with the grid are a sweep, which is checked as one.
  SweepFile ends = sweep;
  ends.clear_range();
  Json ranges = Json::array(), grid = Json::array();
  for (int i = 0; i < sweep.range_size(); ++i) {
    const SweepRange& range = sweep.range(i);
    PMOE_RETURN_IF_ERROR(CheckRange(range, absl::StrCat(file, ": range[", i, "]")));
    const bool whole = IsWhole(*FindSchemaField(range.field())->field);
    Json one = {{"field", range.field()}, {"log", range.log()}, {"integer", whole}};
    const auto end = [whole](double x) { return whole ? Json(static_cast<int64_t>(x)) : Json(x); };
    one["min"] = end(range.min());
    one["max"] = end(range.max());
    ranges.push_back(std::move(one));
    SweepAxis* const axis = ends.add_grid();
    axis->set_field(range.field());
    for (const double x : {range.min(), range.max()}) axis->add_value(Spelling(x, whole));
  }
  for (const SweepAxis& axis : sweep.grid()) {
    grid.push_back(
        {{"field", axis.field()},
         {"values", std::vector<std::string>(axis.value().begin(), axis.value().end())}});
  }
  PMOE_ASSIGN_OR_RETURN(const SweepPlan plan, MakeSweepPlan(ends, file));
  return Json{{"name", plan.Name()},
              {"out", plan.out},
              {"train", BinaryPath("pmoe-train")},
              {"words", plan.common_words},
              {"steps", plan.runs[0].config.schedule().total_steps()},
              {"grid", std::move(grid)},
              {"ranges", std::move(ranges)},
              {"trials", sweep.trials()},
              {"objective", sweep.objective()},
              {"jobs", jobs}}
      .dump();
}

absl::Status RunStudy(const std::string& file, int jobs) {
  PMOE_ASSIGN_OR_RETURN(const SweepFile sweep, ReadSweepFile(file));
  PMOE_ASSIGN_OR_RETURN(const std::string plan, StudyPlan(sweep, file, jobs));
  const std::string python = WheelPython(), script = BinaryPath("pmoe-study.py");
  if (python.empty()) {
    return absl::FailedPreconditionError(
        "--study runs Optuna in Python, and none is known here: pip install optuna, then set "
        "PMOE_PYTHON=/path/to/python3");
  }
  if (::access(script.c_str(), R_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no ", script, ", which --study needs: ", HowToMend()));
  }
  ::execl(python.c_str(), python.c_str(), "-I", script.c_str(), plan.c_str(), nullptr);
  return absl::FailedPreconditionError(
      absl::StrCat("cannot start ", python, ": ", std::strerror(errno)));
}

}  // namespace pmoe
