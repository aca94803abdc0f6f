#include "actor/env/mjcf/mjcf_task.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "actor/env/mjcf/commands.h"
#include "actor/env/mjcf/computed_arrays.h"
#include "actor/env/mjcf/control_map.h"
#include "actor/env/mjcf/model_draws.h"
#include "actor/env/mjcf/model_search.h"
#include "actor/env/mjcf/observation.h"
#include "actor/env/mjcf/place.h"
#include "actor/env/mjcf/pushes.h"
#include "actor/env/mjcf/reward.h"
#include "actor/env/mjcf/selection.h"
#include "actor/env/mjcf/start_pose.h"
#include "actor/env/mujoco_errors.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/text_message.h"

namespace pmoe {
namespace {

bool Holds(const HealthyCondition& condition, double x) {
  return condition.inclusive() ? condition.min() <= x && x <= condition.max()
                               : condition.min() < x && x < condition.max();
}

// Whether some slice, anywhere in the message, is of an array that only mj_rnePostConstraint fills.
bool ReadsPostConstraint(const google::protobuf::Message& message) {
  if (message.GetDescriptor() == Slice::descriptor()) {
    return NeedsPostConstraint(static_cast<const Slice&>(message).array());
  }
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->message_type() == nullptr) continue;
    if (!field->is_repeated()) {
      if (ReadsPostConstraint(reflection.GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (ReadsPostConstraint(reflection.GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

absl::Status CheckBasics(const MjcfTaskConfig& task, const Place& place) {
  if (!task.has_model()) {
    return place.Error("model is missing, such as model: \"./robot.xml\"");
  }
  if (task.frame_skip() < 1 || task.frame_skip() > MujocoOptions::kFrameSkipMax) {
    return place.Field(task, "frame_skip")
        .Error(absl::StrCat("must be in [1, ", MujocoOptions::kFrameSkipMax, "], got ",
                            task.frame_skip()));
  }
  const double noise = task.reset_noise().scale();
  if (noise >= 0 && std::isfinite(2 * noise)) return absl::OkStatus();
  return place.Field(task, "reset_noise")
      .Error(absl::StrCat("scale must be a finite number >= 0, got ", noise));
}

// The task on the nominal model, with perfect sensors.
void RemoveDraws(MjcfTaskConfig* task) {
  task->clear_randomize();
  task->clear_push();
  task->clear_action_latency_steps();
  for (ActuatorMap& map : *task->mutable_action()) {
    map.clear_noise();
    map.clear_bias();
  }
  for (ObservationTerm& term : *task->mutable_observation()) {
    term.clear_noise();
    term.clear_bias();
    term.clear_delay_steps();
    term.clear_latency_steps();
    term.clear_lost_share();
  }
}

}  // namespace

struct MjcfTask::Program {
  struct Condition {
    Selection numbers;
    HealthyCondition config;
  };

  explicit Program(const MujocoSetup& setup)
      : computed(setup.model.get(), setup.data.get(), setup.memory.get()) {}

  ComputedArrays computed;
  Commands commands;
  ControlMap controls;
  int keyframe = -1;
  StartPose start;
  Observation observation;
  Reward reward;
  std::vector<Condition> healthy;
  bool terminate_when_unhealthy = true;
  bool randomizes = false;
  ModelDraws model_draws;
  Pushes pushes;
};

// Turns the file into a Program over one model and its data.
class MjcfTask::Compiler {
 public:
  Compiler(const MjcfTaskConfig& task, const Place& place, MujocoSetup* setup)
      : task_(task), place_(place), setup_(*setup) {}

  absl::StatusOr<std::unique_ptr<Program>> Run() {
    // Its own copy, which draws may change. The data is made for it.
    std::shared_ptr<mjModel> own;
    if (!task_.randomize().empty()) {
      own = std::shared_ptr<mjModel>(mj_copyModel(nullptr, setup_.model.get()), MjModelDeleter());
      setup_.model = own;
      setup_.data = MakeData(*own);
    }
    const mjModel& model = *setup_.model;
    mjData* const data = setup_.data.get();
    EpisodeMemory* const memory = setup_.memory.get();
    auto program = std::make_unique<Program>(setup_);
    PMOE_ASSIGN_OR_RETURN(program->keyframe, FindKeyframe(task_, place_, model));
    // The environment takes the pose from here.
    if (program->keyframe >= 0) mj_resetDataKeyframe(&model, data, program->keyframe);
    PMOE_ASSIGN_OR_RETURN(program->commands, Commands::Compile(task_, place_, model, memory));
    PMOE_ASSIGN_OR_RETURN(program->controls,
                          ControlMap::Compile(task_, place_, model, *data, program->keyframe,
                                              setup_.options.frame_skip, memory, &setup_.spec));
    const SliceSource source = {&model, data, &program->computed, &program->commands,
                                &program->controls};
    PMOE_ASSIGN_OR_RETURN(program->start, StartPose::Compile(task_, place_, model, source));
    PMOE_ASSIGN_OR_RETURN(program->observation,
                          Observation::Compile(task_, place_, source, memory));
    PMOE_ASSIGN_OR_RETURN(program->reward, Reward::Compile(task_, place_, source, memory));
    PMOE_RETURN_IF_ERROR(CompileHealthy(source, program.get()));
    program->randomizes = own != nullptr;
    PMOE_ASSIGN_OR_RETURN(program->model_draws,
                          ModelDraws::Compile(task_, place_, own.get(), memory));
    PMOE_ASSIGN_OR_RETURN(program->pushes, Pushes::Compile(task_, place_, model, memory));
    return program;
  }

 private:
  absl::Status CompileHealthy(const SliceSource& source, Program* program) const {
    program->terminate_when_unhealthy = task_.terminate_when_unhealthy();
    for (int i = 0; i < task_.healthy_size(); ++i) {
      const HealthyCondition& condition = task_.healthy(i);
      const Place at = place_.Field(task_, "healthy", i);
      if (!condition.has_slice()) return at.Field(condition, "slice").Error("is missing");
      PMOE_ASSIGN_OR_RETURN(Selection numbers,
                            FindSlice(condition.slice(), source, at.Field(condition, "slice")));
      Interval bounds;
      bounds.set_min(condition.min());
      bounds.set_max(condition.max());
      PMOE_RETURN_IF_ERROR(CheckInterval(bounds, at, /*bounded=*/false));
      program->healthy.push_back({std::move(numbers), condition});
    }
    return absl::OkStatus();
  }

  const MjcfTaskConfig& task_;
  const Place& place_;
  MujocoSetup& setup_;
};

absl::StatusOr<std::unique_ptr<Env>> MjcfTask::Create(const EnvRequest& request) {
  const std::string file = request.id.substr(sizeof(kMjcfPrefix) - 1);
  const absl::StatusOr<std::string> text = ReadText(file);
  if (!text.ok()) {
    return absl::NotFoundError(
        absl::StrCat("no task file at ", file, "; docs/add_an_env.md tells how to write one"));
  }
  MjcfTaskConfig task;
  TaskLocations locations;
  PMOE_RETURN_IF_ERROR(ParseTextMessage(*text, file, &task, &locations));
  const Place place{file, "", &locations, 0};
  PMOE_RETURN_IF_ERROR(CheckBasics(task, place));
  std::string model;
  if (request.args.count("xml_file") == 0) {
    PMOE_ASSIGN_OR_RETURN(model,
                          FindModel(task.model(), place.Field(task, "model"), request.assets_dir));
  }
  MujocoOptions base{.xml_file = std::move(model),
                     .frame_skip = task.frame_skip(),
                     .reset_noise_scale = task.reset_noise().scale(),
                     .normal_velocity_noise = task.reset_noise().velocities() == ResetNoise::NORMAL,
                     .max_episode_steps = task.max_episode_steps(),
                     .contact_forces = ReadsPostConstraint(task),
                     .bounded_by_model = false};
  EnvArgs args(request.id, request.args);
  base.Read(&args);
  bool randomize = true;
  args.Bool("randomize", &randomize);
  PMOE_RETURN_IF_ERROR(args.Finish());
  if (!randomize) RemoveDraws(&task);
  PMOE_ASSIGN_OR_RETURN(MujocoSetup setup, MujocoSetup::Load(request, base));
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Program> program, Compiler(task, place, &setup).Run());
  return absl::WrapUnique(new MjcfTask(std::move(setup), std::move(program)));
}

MjcfTask::MjcfTask(MujocoSetup setup, std::unique_ptr<Program> program)
    : MujocoEnv(std::move(setup), program->observation.size()), program_(std::move(program)) {}

MjcfTask::~MjcfTask() = default;

// The draws' order is part of what a seed means: proto/task.proto tells it.
void MjcfTask::StartEpisode(Pcg64* generator, mjData* data) {
  if (program_->randomizes) {
    program_->model_draws.Draw(generator, data);
    mj_resetData(&model(), data);
  }
  if (program_->keyframe >= 0) {
    mj_resetDataKeyframe(&model(), data, program_->keyframe);
    data->time = 0.0;
  }
  MujocoEnv::StartEpisode(generator, data);
  program_->start.Draw(model(), generator, data);
  program_->commands.Start(generator, data);
  program_->controls.Start(generator, *data);
  program_->start.Settle(model(), data);
}

void MjcfTask::Simulate(absl::Span<const double> action, Pcg64* generator, mjData* data) {
  program_->reward.BeginStep();
  program_->pushes.Advance(step_s(), generator, data);
  program_->controls.Take(action, generator);
  for (int i = 0; i < options().frame_skip; ++i) {
    if (i > 0 && program_->observation.measures_between_steps()) {
      program_->computed.Refresh();
      program_->observation.Pass();
    }
    program_->controls.WriteControls(i, data);
    CallMujoco(mj_step, model(), data);
  }
  program_->computed.Refresh();
  program_->reward.EndStep(step_s());
}

void MjcfTask::PrepareObservation(bool first, Pcg64* generator, mjData* data) {
  if (!first) {
    program_->commands.Advance(step_s(), generator, data);
    program_->observation.Advance(generator);
    return;
  }
  program_->computed.Refresh();
  program_->commands.TurnClocks(data->time);
  program_->reward.Start();
  program_->observation.Start(generator);
  program_->pushes.Start(generator);
}

void MjcfTask::MemoryRestored(mjData* data) {
  if (program_->randomizes) program_->model_draws.Apply(data);
}

void MjcfTask::Observe(absl::Span<double> obs) const { program_->observation.Write(obs); }

std::vector<std::string> MjcfTask::ObservationNames() const {
  return program_->observation.Names();
}

bool MjcfTask::IsHealthy() const {
  return std::all_of(
      program_->healthy.begin(), program_->healthy.end(), [](const Program::Condition& c) {
        const auto holds = [&c](absl::Span<double> part) {
          return std::all_of(part.begin(), part.end(),
                             [&c](double x) { return Holds(c.config, x); });
        };
        return std::all_of(c.numbers.parts().begin(), c.numbers.parts().end(), holds);
      });
}

MujocoEnv::Outcome MjcfTask::Evaluate(double, absl::Span<const double>) const {
  const bool healthy = IsHealthy();
  return {
      .reward = program_->reward.Pay(healthy, step_s()),
      .terminated = (!healthy && program_->terminate_when_unhealthy) || program_->reward.Ends()};
}

}  // namespace pmoe
