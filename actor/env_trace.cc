#include "actor/env_trace.h"

#include <cmath>
#include <cstdlib>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/number_text.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// strtod, for it reads hexadecimal numbers with their prefix, and no locale is ever set here.
bool ParseFinite(absl::string_view field, double* value) {
  const std::string text(absl::StripAsciiWhitespace(field));
  char* end = nullptr;
  *value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && std::isfinite(*value);
}

void PrintRow(size_t step, const std::optional<StepResult>& result, absl::Span<const double> obs,
              const std::function<void(absl::string_view)>& print) {
  std::string line = absl::StrCat(step, result.has_value() ? ",0," : ",1,");
  if (result.has_value()) line += NumberText(result->reward);
  const StepResult flags = result.value_or(StepResult{});
  absl::StrAppend(&line, ",", static_cast<int>(flags.terminated), ",",
                  static_cast<int>(flags.truncated));
  for (const double value : obs) absl::StrAppend(&line, ",", NumberText(value));
  print(line + "\n");
}

}  // namespace

absl::StatusOr<std::vector<double>> ParseActions(const std::string& text, int action_dim,
                                                 const std::string& file) {
  std::vector<double> actions;
  int line_number = 0;
  const auto fail = [&](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(file, ", line ", line_number, ": ", what...));
  };
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
    if (fields.size() != static_cast<size_t>(action_dim)) {
      return fail(fields.size(), " numbers; this environment's action has ", action_dim,
                  ", separated by commas");
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      double value = 0.0;
      if (!ParseFinite(fields[i], &value)) {
        return fail("field ", i + 1, " is \"", absl::StripAsciiWhitespace(fields[i]),
                    "\", which is no finite number such as -0.5 or 0x1.8p-1");
      }
      actions.push_back(value);
    }
  }
  return actions;
}

absl::Status TraceEnv(Env* env, uint64_t seed, absl::Span<const double> actions,
                      const std::function<void(absl::string_view)>& print) {
  const EnvSpec& spec = env->spec();
  std::string header = "step,reset,reward,terminated,truncated";
  for (int i = 0; i < spec.obs_dim; ++i) absl::StrAppend(&header, ",obs_", i);
  print(header + "\n");
  std::vector<double> obs(spec.obs_dim);
  env->Reset(seed, absl::MakeSpan(obs));
  PMOE_RETURN_IF_ERROR(env->error());
  PrintRow(0, std::nullopt, obs, print);
  const size_t steps = actions.size() / spec.action_dim;
  for (size_t step = 1; step <= steps; ++step) {
    const absl::Span<const double> action =
        actions.subspan((step - 1) * spec.action_dim, spec.action_dim);
    const StepResult result = env->Step(action, absl::MakeSpan(obs));
    PMOE_RETURN_IF_ERROR(env->error());
    PrintRow(step, result, obs, print);
    if (!result.done()) continue;
    env->Reset(std::nullopt, absl::MakeSpan(obs));
    PMOE_RETURN_IF_ERROR(env->error());
    PrintRow(step, std::nullopt, obs, print);
  }
  return absl::OkStatus();
}

}  // namespace pmoe
