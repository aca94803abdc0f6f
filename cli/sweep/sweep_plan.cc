#include "cli/sweep/sweep_plan.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "actor/env/env_list.h"
#include "common/base/file.h"
#include "common/base/number_text.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/seed_folder.h"
#include "common/config/text_message.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

// What every run of a sweep has before the file's own settings: a video per run is seldom wanted.
constexpr char kFirstSet[] = "observe.video=false";

absl::Status Wrong(const std::string& file, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
}

// In a folder's name: what is there for certain on every file system.
std::string Plain(const std::string& value) {
  std::string plain;
  for (const char c : value) {
    const bool kept = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                      absl::StrContains("._=-+,", absl::string_view(&c, 1));
    plain += kept ? c : '_';
  }
  return plain;
}

// Whether a set, "PATH=VALUE", is of that field.
bool IsOf(const std::string& set, const std::string& field) {
  return absl::StartsWith(set, field + "=");
}

absl::Status CheckAxis(const SweepFile& sweep, int index, const std::string& file) {
  const SweepAxis& axis = sweep.grid(index);
  const std::string name = absl::StrCat("grid[", index, "]");
  if (axis.field().empty()) {
    return Wrong(file, name + " needs a field, like field: \"seed\"");
  }
  if (axis.value().empty()) {
    return Wrong(file, absl::StrCat(name, " (", axis.field(),
                                    ") needs values, like value: [\"1\", \"2\", \"3\"]"));
  }
  std::set<std::string> seen;
  for (const std::string& value : axis.value()) {
    RunConfig ignored;
    const absl::Status status = SetField(&ignored, axis.field(), value);
    if (!status.ok()) return Wrong(file, absl::StrCat(name, ": ", std::string(status.message())));
    if (!seen.insert(value).second) {
      return Wrong(file, absl::StrCat(name, " (", axis.field(), ") has the value ", value,
                                      " twice; leave one away"));
    }
  }
  for (int other = 0; other < index; ++other) {
    if (sweep.grid(other).field() == axis.field()) {
      return Wrong(file, absl::StrCat(name, " has the field ", axis.field(), " of grid[", other,
                                      "] once more; put all values into one"));
    }
  }
  for (const std::string& set : sweep.set()) {
    if (IsOf(set, axis.field())) {
      return Wrong(
          file, absl::StrCat("set: \"", set, "\" has no effect beside ", name, "; leave it away"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckVariantSet(const SweepFile& sweep, const std::string& set,
                             const std::string& name, const std::string& file) {
  const std::vector<std::string> parts = absl::StrSplit(set, absl::MaxSplits('=', 1));
  if (parts.size() != 2) {
    return Wrong(file, absl::StrCat(name, ": set: \"", set, "\" is not PATH=VALUE"));
  }
  RunConfig ignored;
  const absl::Status status = SetField(&ignored, parts[0], parts[1]);
  if (!status.ok()) return Wrong(file, absl::StrCat(name, ": ", std::string(status.message())));
  for (const SweepAxis& axis : sweep.grid()) {
    if (axis.field() != parts[0]) continue;
    return Wrong(file, absl::StrCat(name, " sets ", parts[0],
                                    ", which a grid varies; leave it to one of them"));
  }
  return absl::OkStatus();
}

absl::Status CheckVariant(const SweepFile& sweep, int index, const std::string& file) {
  const SweepVariant& variant = sweep.variant(index);
  const std::string place = absl::StrCat("variant[", index, "]");
  if (variant.name().empty() || Plain(variant.name()) != variant.name()) {
    return Wrong(file, absl::StrCat(place,
                                    " needs a name of letters, digits and ._=-+, for the "
                                    "folders of its runs, got \"",
                                    variant.name(), "\""));
  }
  for (int other = 0; other < index; ++other) {
    if (sweep.variant(other).name() != variant.name()) continue;
    return Wrong(file, absl::StrCat(place, " has the name ", variant.name(), " of variant[", other,
                                    "]; give it another one"));
  }
  for (const std::string& set : variant.set()) {
    PMOE_RETURN_IF_ERROR(
        CheckVariantSet(sweep, set, absl::StrCat(place, " (", variant.name(), ")"), file));
  }
  return absl::OkStatus();
}

absl::Status CheckFile(const SweepFile& sweep, const std::string& file) {
  if (sweep.out().empty()) {
    return Wrong(file, "out is missing: the folder of the runs, like out: \"runs/my-sweep\"");
  }
  if (!sweep.range().empty()) {
    return Wrong(file, "range is for a study: `pmoe sweep FILE --study`; list values in a grid");
  }
  if (sweep.grid().empty() && sweep.variant().empty()) {
    return Wrong(file,
                 "grid is missing: like grid { field: \"seed\" value: [\"1\", \"2\", \"3\"] }");
  }
  if (IsSeedPattern(sweep.out())) {
    return Wrong(file, absl::StrCat("out: \"", sweep.out(), "\" is one folder for all runs: leave ",
                                    kSeedMark, " away; each run's folder has its seed"));
  }
  size_t runs = static_cast<size_t>(std::max(sweep.variant_size(), 1));
  for (const SweepAxis& axis : sweep.grid()) {
    if (runs <= kSweepRunsMax) runs *= static_cast<size_t>(axis.value_size());
  }
  if (runs > kSweepRunsMax) {
    return Wrong(
        file, absl::StrCat("these are more than ", kSweepRunsMax, " runs; make two sweeps of it"));
  }
  for (int i = 0; i < sweep.variant_size(); ++i) {
    PMOE_RETURN_IF_ERROR(CheckVariant(sweep, i, file));
  }
  for (int i = 0; i < sweep.grid_size(); ++i) PMOE_RETURN_IF_ERROR(CheckAxis(sweep, i, file));
  return absl::OkStatus();
}

std::string NamePart(const std::string& field, const std::string& value) {
  if (field == "env.id" || field == "algorithm") return Plain(value);
  if (field == "seed") return Plain("s" + value);
  return Plain(absl::StrCat(field, "=", value));
}

// The sweep's own folders would meet the run's.
bool IsTaken(const std::string& name) {
  return name == "logs" || name == "lock" || name == "results.csv" || absl::StartsWith(name, ".");
}

std::vector<std::string> CommonSets(const SweepFile& sweep) {
  std::vector<std::string> sets = {kFirstSet};
  if (sweep.has_steps()) {
    sets.push_back(absl::StrCat("schedule.total_steps=", NumberText(sweep.steps())));
  }
  sets.insert(sets.end(), sweep.set().begin(), sweep.set().end());
  return sets;
}

std::vector<std::string> TrainWords(const ConfigSources& sources) {
  std::vector<std::string> words;
  if (!sources.preset.empty()) words.insert(words.end(), {"--preset", sources.preset});
  if (!sources.config_file.empty()) words.insert(words.end(), {"--config", sources.config_file});
  for (const std::string& set : sources.sets) words.insert(words.end(), {"--set", set});
  return words;
}

// Side by side each run has a core: what is free when they begin is everybody's.
void TakeOneThread(SweepRun* run) {
  if (run->config.learner().threads() != 0) return;
  run->config.mutable_learner()->set_threads(1);
  for (std::vector<std::string>* words : {&run->words, &run->family_words}) {
    words->insert(words->end(), {"--set", "learner.threads=1"});
  }
}

// As `pmoe train --seeds` wants it: on the CPU, with seeds that are written as it writes them.
bool HasFamily(const SweepRun& run, absl::string_view seed) {
  return run.config.learner().device() == "cpu" && seed == absl::StrCat(run.config.seed());
}

absl::StatusOr<SweepRun> MakeRun(const SweepFile& sweep, ConfigSources sources, int index) {
  SweepRun run;
  run.index = index;
  std::vector<std::string> parts, family_parts;
  ConfigSources family_sources = sources;
  std::string seed;
  // The last axis is the lowest digit; what is left in the end is the variant.
  std::vector<int> digits(static_cast<size_t>(sweep.grid_size()));
  for (int axis = sweep.grid_size() - 1; axis >= 0; --axis) {
    digits[static_cast<size_t>(axis)] = index % sweep.grid(axis).value_size();
    index /= sweep.grid(axis).value_size();
  }
  if (!sweep.variant().empty()) {
    const SweepVariant& variant = sweep.variant(index);
    run.values.push_back(variant.name());
    parts.push_back(variant.name());
    family_parts.push_back(variant.name());
    sources.sets.insert(sources.sets.end(), variant.set().begin(), variant.set().end());
    family_sources.sets = sources.sets;
  }
  for (int i = 0; i < sweep.grid_size(); ++i) {
    const SweepAxis& axis = sweep.grid(i);
    run.values.push_back(axis.value(digits[static_cast<size_t>(i)]));
    sources.sets.push_back(absl::StrCat(axis.field(), "=", run.values.back()));
    parts.push_back(NamePart(axis.field(), run.values.back()));
    if (axis.field() == "seed") {
      seed = run.values.back();
      family_parts.push_back(absl::StrCat("s", kSeedMark));
    } else {
      family_sources.sets.push_back(sources.sets.back());
      family_parts.push_back(parts.back());
    }
  }
  run.name = absl::StrJoin(parts, "-");
  PMOE_ASSIGN_OR_RETURN(run.config, ResolveConfig(sources));
  PMOE_RETURN_IF_ERROR(CheckEnvId(run.config.env().id()));
  run.words = TrainWords(sources);
  if (HasFamily(run, seed)) {
    run.family = absl::StrJoin(family_parts, "-");
    run.family_words = TrainWords(family_sources);
  }
  TakeOneThread(&run);
  return run;
}

// By message: the runs.
using Refusals = std::map<std::string, std::vector<int>>;

// One line per message, which names all its runs: a setting that some algorithms of a sweep do not
// read is refused for each of their runs.
std::string Describe(const Refusals& refusals) {
  constexpr size_t kLines = 8;
  std::map<std::vector<int>, absl::string_view> in_order;
  for (const auto& [message, runs] : refusals) in_order[runs] = message;
  std::vector<std::string> lines;
  for (const auto& [runs, message] : in_order) {
    if (lines.size() == kLines) {
      lines.push_back(absl::StrCat("and ", refusals.size() - kLines, " more such lines"));
      break;
    }
    lines.push_back(absl::StrCat(runs.size() == 1 ? "run " : "runs ", absl::StrJoin(runs, ", "),
                                 ": ", message));
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace

std::string SweepPlan::Directory(const SweepRun& run) const {
  return absl::StrCat(out, "/", run.name);
}
std::string SweepPlan::FamilyPattern(const SweepRun& run) const {
  return absl::StrCat(out, "/", run.family);
}
std::string SweepPlan::GroupLog(const SweepRun& run) const {
  return absl::StrCat(out, "/logs/", run.name, "-and-others.log");
}
std::string SweepPlan::GroupReport(const SweepRun& run) const {
  return absl::StrCat(out, "/logs/", run.name, "-and-others.report");
}
std::string SweepPlan::Log(const SweepRun& run) const {
  return absl::StrCat(out, "/logs/", run.name, ".log");
}
std::string SweepPlan::FailureNote(const SweepRun& run) const {
  return absl::StrCat(out, "/logs/", run.name, ".failed");
}
std::string SweepPlan::Name() const { return fs::path(file).stem().string(); }

absl::StatusOr<SweepPlan> MakeSweepPlan(const SweepFile& sweep, const std::string& file) {
  PMOE_RETURN_IF_ERROR(CheckFile(sweep, file));
  SweepPlan plan;
  plan.file = fs::absolute(file).lexically_normal().string();
  plan.out = sweep.out();
  int runs = std::max(sweep.variant_size(), 1);
  if (!sweep.variant().empty()) plan.fields.push_back("variant");
  for (const SweepAxis& axis : sweep.grid()) {
    plan.fields.push_back(axis.field());
    runs *= axis.value_size();
  }
  ConfigSources sources;
  sources.preset = sweep.preset();
  if (!sweep.config().empty()) {
    sources.config_file = (fs::path(plan.file).parent_path() / sweep.config()).string();
  }
  sources.sets = CommonSets(sweep);
  plan.common_words = TrainWords(sources);
  plan.common_words.insert(plan.common_words.end(), {"--set", "learner.threads=1"});
  std::set<std::string> names;
  Refusals refusals;
  for (int index = 0; index < runs; ++index) {
    absl::StatusOr<SweepRun> run = MakeRun(sweep, sources, index);
    if (!run.ok()) {
      refusals[std::string(run.status().message())].push_back(index);
      continue;
    }
    if (IsTaken(run->name) || !names.insert(run->name).second) {
      return Wrong(file, absl::StrCat("run ", index, " would have the folder ", run->name,
                                      ", which is taken; give its values other spellings"));
    }
    plan.runs.push_back(*std::move(run));
  }
  if (!refusals.empty()) return Wrong(file, Describe(refusals));
  return plan;
}

absl::StatusOr<SweepFile> ReadSweepFile(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadText(file);
  if (!text.ok()) return absl::NotFoundError(std::string(text.status().message()));
  SweepFile sweep;
  const absl::Status parsed = ParseTextMessage(*text, file, &sweep);
  if (!parsed.ok() && ParseConfigText(*text, file).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, " holds the settings of one training: `pmoe train --config ", file,
                     "` runs it; a sweep names it as config: \"", file,
                     "\" and adds a grid of what varies (docs/sweeps.md)"));
  }
  PMOE_RETURN_IF_ERROR(parsed);
  return sweep;
}

absl::StatusOr<SweepPlan> LoadSweep(const std::string& file) {
  PMOE_ASSIGN_OR_RETURN(const SweepFile sweep, ReadSweepFile(file));
  return MakeSweepPlan(sweep, file);
}

}  // namespace pmoe
