#include "actor/command/drawing.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/target_reaching.h"
#include "common/base/build_info.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

using Json = nlohmann::json;

std::vector<char> ModelBytes(const mjModel& model) {
  std::vector<char> bytes(static_cast<size_t>(mj_sizeModel(&model)));
  mj_saveModel(&model, nullptr, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

std::vector<std::string> PluginNames(const mjModel& model) {
  std::vector<std::string> names;
  for (int i = 0; i < model.nplugin; ++i) {
    names.emplace_back(mjp_getPluginAtSlot(model.plugin[i])->name);
  }
  return names;
}

std::vector<double> State(const MujocoEnv& env) {
  std::vector<double> state(static_cast<size_t>(mj_stateSize(&env.model(), mjSTATE_INTEGRATION)));
  mj_getState(&env.model(), &env.data(), state.data(), mjSTATE_INTEGRATION);
  return state;
}

Json Arena(const TargetReaching& env) {
  Json obstacles = Json::array();
  for (const TargetReaching::Obstacle& obstacle : env.obstacles()) {
    obstacles.push_back({obstacle.center[0], obstacle.center[1], obstacle.radius});
  }
  return {{"half_side", TargetReaching::kArena},
          {"position", env.position()},
          {"target", env.target()},
          {"target_radius", env.options().target_radius},
          {"obstacles", std::move(obstacles)}};
}

std::string Quoted(const std::string& word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

// Isolated: another environment's variables are not for this one's Python.
absl::StatusOr<std::string> DrawingCommand() {
  const std::string python = WheelPython(), script = BinaryPath("pmoe-draw.py");
  if (python.empty()) {
    return absl::FailedPreconditionError(
        "pictures are drawn by Python with MuJoCo's wheel, and none is known here: pip install "
        "mujoco, then set PMOE_PYTHON=/path/to/python3");
  }
  for (const std::string& file : {python, script}) {
    if (::access(file.c_str(), R_OK) == 0) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("pictures are drawn by Python, but there is no ", file, ": ", HowToMend()));
  }
  return absl::StrCat(Quoted(python), " -I ", Quoted(script));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Drawing>> Drawing::Start(const DrawingOptions& options,
                                                        const Env& example) {
  const auto* const simulator = dynamic_cast<const MujocoEnv*>(&example);
  const bool draws_itself =
      simulator == nullptr && dynamic_cast<const TargetReaching*>(&example) == nullptr;
  if (draws_itself && absl::IsUnimplemented(example.Render().status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(example.spec().id, " has no picture: the plugin has no render"));
  }
  PMOE_ASSIGN_OR_RETURN(const std::string command, DrawingCommand());
  ::signal(SIGPIPE, SIG_IGN);  // a write to one that has ended is an error like any other
  std::fflush(nullptr);
  std::FILE* const pipe = ::popen(("exec " + command).c_str(), "we");
  if (pipe == nullptr) return absl::InternalError("cannot start Python");
  std::vector<char> model;
  Json head = {{"path", options.path},   {"png", options.png},       {"gif", options.gif},
               {"width", options.width}, {"height", options.height}, {"camera", options.camera},
               {"frames_per_s", 0.0}};
  if (simulator != nullptr) {
    model = ModelBytes(simulator->model());
    head["plugins"] = PluginNames(simulator->model());
    head["frames_per_s"] = 1.0 / simulator->step_s();
  }
  head["model_bytes"] = model.size();
  head["draws_itself"] = draws_itself;
  if (draws_itself) head["frames_per_s"] = example.step_s() > 0.0 ? 1.0 / example.step_s() : 30.0;
  std::fprintf(pipe, "%s\n", head.dump().c_str());
  std::fwrite(model.data(), 1, model.size(), pipe);
  return absl::WrapUnique(new Drawing(pipe, draws_itself));
}

bool Drawing::Add(const Env& env, const std::string& labels, const std::string& values) {
  Json frame = {{"labels", labels}, {"values", values}};
  if (const auto* simulator = dynamic_cast<const MujocoEnv*>(&env))
    frame["state"] = State(*simulator);
  if (const auto* point = dynamic_cast<const TargetReaching*>(&env)) frame["arena"] = Arena(*point);
  absl::Span<const uint8_t> rgb;
  if (draws_itself_) {
    const absl::StatusOr<EnvImage> image = env.Render();
    error_ = image.status();
    if (!image.ok()) return false;
    frame["size"] = {image->width, image->height};
    rgb = image->rgb;
  }
  std::fprintf(pipe_, "%s\n", frame.dump().c_str());
  std::fwrite(rgb.data(), 1, rgb.size(), pipe_);
  return std::fflush(pipe_) == 0;
}

int Drawing::Close() {
  if (pipe_ == nullptr) return 0;
  const int status = ::pclose(pipe_);
  pipe_ = nullptr;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace pmoe
