#include "actor/env/mjcf/mjcf_task.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "actor/env/mjcf/selection.h"
#include "actor/env/numpy_math.h"
#include "actor/env/tasks/body_terms.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/text_message.h"

namespace pmoe {
namespace {

using google::protobuf::TextFormat;
using Locations = TextFormat::ParseInfoTree;

// A message of the file, and where it stands.
struct Place {
  std::string path;            // "observation[2].slice"
  const Locations* locations;  // of its fields; null where the parser has none
  int line;                    // from 0

  // Of the field `name` of `message`, its `index`-th value (-1: it is not repeated).
  Place Field(const google::protobuf::Message& message, const std::string& name,
              int index = -1) const {
    const auto* const field = message.GetDescriptor()->FindFieldByName(name);
    Place place{absl::StrCat(path, path.empty() ? "" : ".", name,
                             index < 0 ? "" : absl::StrCat("[", index, "]")),
                nullptr, line};
    if (locations == nullptr) return place;
    const int at = locations->GetLocation(field, index).line;
    if (at >= 0) place.line = at;
    if (field->message_type() != nullptr) {
      place.locations = locations->GetTreeForNested(field, index);
    }
    return place;
  }
};

Range ClipRange(const Interval& clip) { return {clip.min(), clip.max()}; }

bool Holds(const HealthyCondition& condition, double x) {
  return condition.inclusive() ? condition.min() <= x && x <= condition.max()
                               : condition.min() < x && x < condition.max();
}

bool NeedsPostConstraint(const std::vector<RewardTerm>& terms);

bool NeedsPostConstraint(const RewardTerm& term) {
  return NeedsPostConstraint(term.value().slice().array()) ||
         NeedsPostConstraint(term.rate().slice().array()) ||
         NeedsPostConstraint({term.sum().term().begin(), term.sum().term().end()});
}

bool NeedsPostConstraint(const std::vector<RewardTerm>& terms) {
  return std::any_of(terms.begin(), terms.end(),
                     [](const RewardTerm& term) { return NeedsPostConstraint(term); });
}

bool NeedsPostConstraint(const MjcfTaskConfig& task) {
  const auto reads = [](const auto& term) { return NeedsPostConstraint(term.slice().array()); };
  return std::any_of(task.observation().begin(), task.observation().end(), reads) ||
         std::any_of(task.healthy().begin(), task.healthy().end(), reads) ||
         NeedsPostConstraint({task.reward().begin(), task.reward().end()});
}

// "./robot.xml" lies beside the task file; absolute, for a bare name would mean Gymnasium's assets.
std::string ModelFile(const std::string& model, const std::string& task_file) {
  namespace fs = std::filesystem;
  if (!absl::StartsWith(model, ".")) return model;
  return (fs::absolute(task_file).parent_path() / model).lexically_normal().string();
}

}  // namespace

// Turns the file into a Program over one model and its data.
class MjcfTask::Compiler {
 public:
  Compiler(const std::string& file, const MujocoSetup& setup) : file_(file), setup_(setup) {}

  absl::StatusOr<Program> Run(const MjcfTaskConfig& task, const Locations& locations) {
    const Place root{"", &locations, 0};
    if (task.observation().empty()) return Fail(root, "observation", "nothing is observed");
    if (task.reward().empty()) return Fail(root, "reward", "nothing is rewarded");
    for (int i = 0; i < task.observation_size(); ++i) {
      PMOE_RETURN_IF_ERROR(Observe(task.observation(i), root.Field(task, "observation", i)));
    }
    for (int i = 0; i < task.healthy_size(); ++i) {
      PMOE_RETURN_IF_ERROR(Require(task.healthy(i), root.Field(task, "healthy", i)));
    }
    for (int i = 0; i < task.reward_size(); ++i) {
      PMOE_ASSIGN_OR_RETURN(Term term, Reward(task.reward(i), root.Field(task, "reward", i)));
      program_.reward.push_back(std::move(term));
    }
    program_.terminate_when_unhealthy = task.terminate_when_unhealthy();
    return std::move(program_);
  }

 private:
  absl::Status Fail(const Place& place, absl::string_view field, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ":", place.line + 1, ": ", place.path,
                                                   place.path.empty() || field.empty() ? "" : ".",
                                                   field, ": ", what));
  }

  // The slice of `message`, a term at `place`.
  template <typename Message>
  absl::StatusOr<absl::Span<const double>> Find(const Message& message, const Place& place) {
    if (!message.has_slice()) return Fail(place, "slice", "is missing");
    absl::StatusOr<absl::Span<const double>> found =
        FindSlice(message.slice(), *setup_.model, *setup_.data);
    if (found.ok()) return found;
    return Fail(place.Field(message, "slice"), "", std::string(found.status().message()));
  }

  absl::Status CheckInterval(const Interval& interval, const Place& place) const {
    if (interval.min() <= interval.max()) return absl::OkStatus();
    return Fail(place, "", absl::StrCat("min ", interval.min(), " is above max ", interval.max()));
  }

  absl::Status Observe(const ObservationTerm& term, const Place& place) {
    PMOE_ASSIGN_OR_RETURN(const absl::Span<const double> values, Find(term, place));
    PMOE_RETURN_IF_ERROR(CheckInterval(term.clip(), place.Field(term, "clip")));
    program_.observation.push_back({values, ClipRange(term.clip()), term.has_clip()});
    program_.obs_dim += static_cast<int>(values.size());
    return absl::OkStatus();
  }

  absl::Status Require(const HealthyCondition& condition, const Place& place) {
    PMOE_ASSIGN_OR_RETURN(const absl::Span<const double> values, Find(condition, place));
    if (!(condition.min() <= condition.max())) {
      return Fail(place, "",
                  absl::StrCat("min ", condition.min(), " is above max ", condition.max()));
    }
    program_.healthy.push_back({values, condition});
    return absl::OkStatus();
  }

  absl::StatusOr<Term> Reward(const RewardTerm& config, const Place& place) {
    Term term{.config = config, .values = {}, .terms = {}};
    PMOE_RETURN_IF_ERROR(CheckInterval(config.clip(), place.Field(config, "clip")));
    switch (config.kind_case()) {
      case RewardTerm::kRate:
        PMOE_RETURN_IF_ERROR(Rated(config.rate(), place.Field(config, "rate"), &term));
        break;
      case RewardTerm::kValue:
        PMOE_RETURN_IF_ERROR(Valued(config.value(), place.Field(config, "value"), &term));
        break;
      case RewardTerm::kSum:
        for (int i = 0; i < config.sum().term_size(); ++i) {
          const Place inner = place.Field(config, "sum").Field(config.sum(), "term", i);
          PMOE_ASSIGN_OR_RETURN(Term part, Reward(config.sum().term(i), inner));
          term.terms.push_back(std::move(part));
        }
        if (term.terms.empty()) return Fail(place, "sum", "has no term");
        break;
      case RewardTerm::kAlive:
      case RewardTerm::kConstant:
        break;
      case RewardTerm::KIND_NOT_SET:
        return Fail(place, "", "has no kind: give it rate, value, alive, constant or sum");
    }
    return term;
  }

  absl::Status Rated(const Rate& rate, const Place& place, Term* term) {
    term->rate = program_.rates++;
    if (rate.has_center_of_mass()) return absl::OkStatus();
    PMOE_ASSIGN_OR_RETURN(term->values, Find(rate, place));
    return CheckOneNumber(term->values, place);
  }

  absl::Status Valued(const Value& value, const Place& place, Term* term) {
    PMOE_ASSIGN_OR_RETURN(term->values, Find(value, place));
    PMOE_RETURN_IF_ERROR(CheckInterval(value.clip(), place.Field(value, "clip")));
    return value.norm() == Value::NUMBER ? CheckOneNumber(term->values, place) : absl::OkStatus();
  }

  absl::Status CheckOneNumber(absl::Span<const double> values, const Place& place) const {
    if (values.size() == 1) return absl::OkStatus();
    return Fail(place, "slice",
                absl::StrCat("must be one number, is ", values.size(),
                             "; set count: 1, or a norm of a value"));
  }

  const std::string& file_;
  const MujocoSetup& setup_;
  Program program_;
};

absl::StatusOr<std::unique_ptr<Env>> MjcfTask::Create(const EnvRequest& request) {
  const std::string file = request.id.substr(sizeof(kMjcfPrefix) - 1);
  const absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) {
    return absl::NotFoundError(
        absl::StrCat("no task file at ", file, "; docs/add_an_env.md tells how to write one"));
  }
  MjcfTaskConfig task;
  Locations locations;
  PMOE_RETURN_IF_ERROR(ParseTextMessage(*text, file, &task, &locations));
  if (!task.has_model()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": model is missing, such as model: \"./robot.xml\""));
  }
  MujocoOptions base{.xml_file = ModelFile(task.model(), file),
                     .frame_skip = task.frame_skip(),
                     .reset_noise_scale = task.reset_noise().scale(),
                     .normal_velocity_noise = task.reset_noise().velocities() == ResetNoise::NORMAL,
                     .max_episode_steps = task.max_episode_steps(),
                     .contact_forces = NeedsPostConstraint(task)};
  if (task.frame_skip() < 1 || task.frame_skip() > MujocoOptions::kFrameSkipMax ||
      !(task.reset_noise().scale() >= 0) || std::isinf(2 * task.reset_noise().scale())) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": frame_skip must be in [1, ", MujocoOptions::kFrameSkipMax,
                     "] and reset_noise.scale a finite number >= 0, got ", task.frame_skip(),
                     " and ", task.reset_noise().scale()));
  }
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  PMOE_RETURN_IF_ERROR(args.Finish());
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  PMOE_ASSIGN_OR_RETURN(Program program, Compiler(file, setup).Run(task, locations));
  return absl::WrapUnique(new MjcfTask(std::move(setup), std::move(program)));
}

MjcfTask::MjcfTask(MujocoSetup setup, Program program)
    : MujocoEnv(std::move(setup), program.obs_dim),
      program_(std::move(program)),
      mass_(TotalMass(model())),
      before_(program_.rates) {}

double MjcfTask::Coordinate(const Term& term) const {
  const Rate& rate = term.config.rate();
  return rate.has_center_of_mass() ? CenterOfMass(model(), data(), mass_, rate.center_of_mass())
                                   : term.values[0];
}

void MjcfTask::MarkRates(const std::vector<Term>& terms) {
  for (const Term& term : terms) {
    if (term.config.has_rate()) before_[term.rate] = Coordinate(term);
    MarkRates(term.terms);
  }
}

void MjcfTask::BeginStep() { MarkRates(program_.reward); }

void MjcfTask::Observe(absl::Span<double> obs) const {
  double* next = obs.data();
  for (const ObservedSlice& slice : program_.observation) {
    if (!slice.clipped) {
      next = std::copy(slice.values.begin(), slice.values.end(), next);
      continue;
    }
    next = std::transform(slice.values.begin(), slice.values.end(), next, [&slice](double x) {
      return NumpyClip(x, slice.clip.low, slice.clip.high);
    });
  }
}

bool MjcfTask::IsHealthy() const {
  return std::all_of(program_.healthy.begin(), program_.healthy.end(), [](const Condition& c) {
    return std::all_of(c.values.begin(), c.values.end(),
                       [&c](double x) { return Holds(c.config, x); });
  });
}

double MjcfTask::Reduce(const Value& value, absl::Span<const double> values) const {
  if (value.has_clip()) {
    clipped_.assign(values.begin(), values.end());
    for (double& x : clipped_) x = NumpyClip(x, value.clip().min(), value.clip().max());
    values = clipped_;
  }
  switch (value.norm()) {
    case Value::NUMBER:
      return values[0];
    case Value::ABSOLUTE: {
      double sum = 0.0;
      for (const double x : values) sum += std::abs(x);
      return sum;
    }
    case Value::EUCLIDEAN:
      return NumpyNorm(values);
    case Value::SQUARES:
      return NumpySumOfSquares(values);
  }
  return 0.0;
}

double MjcfTask::TermValue(const Term& term, bool healthy) const {
  const RewardTerm& config = term.config;
  switch (config.kind_case()) {
    case RewardTerm::kRate:
      return (Coordinate(term) - before_[term.rate]) / step_s();
    case RewardTerm::kValue: {
      const double value = Reduce(config.value(), term.values);
      return config.value().per_simulator_step() ? value / model().opt.timestep : value;
    }
    case RewardTerm::kAlive:
      return healthy ? 1.0 : 0.0;
    case RewardTerm::kConstant:
      return config.constant();
    case RewardTerm::kSum:
      return Sum(term.terms, healthy);
    case RewardTerm::KIND_NOT_SET:
      break;
  }
  return 0.0;
}

// From the first term on, not from 0: 0 + -0 would lose a sign.
double MjcfTask::Sum(const std::vector<Term>& terms, bool healthy) const {
  double sum = 0.0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const RewardTerm& config = terms[i].config;
    double value = config.weight() * TermValue(terms[i], healthy);
    if (config.has_clip()) value = NumpyClip(value, config.clip().min(), config.clip().max());
    if (config.subtract()) value = -value;
    sum = i == 0 ? value : sum + value;
  }
  return sum;
}

MujocoEnv::Outcome MjcfTask::Evaluate(double, absl::Span<const double>) const {
  const bool healthy = IsHealthy();
  return {.reward = Sum(program_.reward, healthy),
          .terminated = !healthy && program_.terminate_when_unhealthy};
}

}  // namespace pmoe
