#include "actor/render/renderer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "actor/env/mujoco_env.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kShapesMax = 20000;  // long ways through the arena have one per step
constexpr double kArenaFramesPerS = 10.0;

}  // namespace

absl::StatusOr<std::unique_ptr<Renderer>> Renderer::Create(const Env& env,
                                                           const RenderOptions& options) {
  const auto* const simulator = dynamic_cast<const MujocoEnv*>(&env);
  if (simulator == nullptr && dynamic_cast<const TargetReaching*>(&env) == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(env.spec().id, " has no picture: plugins cannot be drawn"));
  }
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<EglContext> egl, EglContext::Create());
  mjModel* const model =
      simulator == nullptr ? MakeArenaModel() : mj_copyModel(nullptr, &simulator->model());
  auto renderer = absl::WrapUnique(new Renderer(options, std::move(egl), model));
  renderer->frames_per_s_ = simulator == nullptr ? kArenaFramesPerS : 1.0 / simulator->step_s();
  PMOE_RETURN_IF_ERROR(renderer->ChooseCamera());
  return renderer;
}

Renderer::Renderer(const RenderOptions& options, std::unique_ptr<EglContext> egl, mjModel* model)
    : options_(options), egl_(std::move(egl)), model_(model), data_(mj_makeData(model)) {
  PMOE_CHECK(data_ != nullptr);
  model_->vis.global.offwidth = options_.width;
  model_->vis.global.offheight = options_.height;
  if (egl_->software()) model_->vis.quality.offsamples = 0;
  mjv_defaultOption(&visual_);
  mjv_defaultCamera(&camera_);
  mjv_defaultScene(&scene_);
  mjv_makeScene(model_, &scene_, kShapesMax);
  if (egl_->software()) {
    scene_.flags[mjRND_SHADOW] = 0;
    scene_.flags[mjRND_REFLECTION] = 0;
  }
  mjr_defaultContext(&context_);
  mjr_makeContext(model_, &context_, mjFONTSCALE_100);
  mjr_setBuffer(mjFB_OFFSCREEN, &context_);
}

Renderer::~Renderer() {
  mjr_freeContext(&context_);
  mjv_freeScene(&scene_);
  mj_deleteData(data_);
  mj_deleteModel(model_);
}

absl::Status Renderer::ChooseCamera() {
  const std::string wanted = options_.camera.empty() ? "track" : options_.camera;
  const int camera = mj_name2id(model_, mjOBJ_CAMERA, wanted.c_str());
  if (camera >= 0) {
    camera_.type = mjCAMERA_FIXED;
    camera_.fixedcamid = camera;
    return absl::OkStatus();
  }
  if (options_.camera.empty()) {
    mjv_defaultFreeCamera(model_, &camera_);
    if (model_->nbody < 2) return absl::OkStatus();
    camera_.type = mjCAMERA_TRACKING;
    camera_.trackbodyid = 1;
    return absl::OkStatus();
  }
  std::vector<std::string> names;
  for (int i = 0; i < model_->ncam; ++i) {
    if (const char* name = mj_id2name(model_, mjOBJ_CAMERA, i)) names.emplace_back(name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the model has no camera \"", options_.camera, "\"; it has ",
                   names.empty() ? "none" : absl::StrJoin(names, ", ")));
}

void Renderer::Draw(const Env& env, const std::string& labels, const std::string& values,
                    absl::Span<uint8_t> rgb) {
  PMOE_CHECK(rgb.size() == frame_bytes());
  if (const auto* simulator = dynamic_cast<const MujocoEnv*>(&env)) {
    mj_copyData(data_, model_, &simulator->data());
  }
  // The step leaves body poses one simulator step behind; the picture need not be.
  mj_forward(model_, data_);
  mjv_updateScene(model_, data_, &visual_, nullptr, &camera_, mjCAT_ALL, &scene_);
  if (const auto* point = dynamic_cast<const TargetReaching*>(&env)) arena_.AddTo(*point, &scene_);
  const mjrRect viewport = {0, 0, options_.width, options_.height};
  mjr_render(viewport, &scene_, &context_);
  mjr_overlay(mjFONT_NORMAL, mjGRID_TOPLEFT, viewport, labels.c_str(), values.c_str(), &context_);
  mjr_readPixels(rgb.data(), nullptr, viewport, &context_);
}

}  // namespace pmoe
