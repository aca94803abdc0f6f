#include "actor/render/arena_scene.h"

#include <array>
#include <cmath>

#include "common/base/check.h"

namespace pmoe {
namespace {

using Color = std::array<float, 4>;

constexpr Color kObstacle = {0.75f, 0.25f, 0.2f, 1.0f};
constexpr Color kTarget = {0.2f, 0.65f, 0.3f, 1.0f};
constexpr Color kWall = {0.3f, 0.3f, 0.35f, 1.0f};
constexpr Color kAgent = {0.1f, 0.1f, 0.1f, 1.0f};
// Ways, in turn.
constexpr Color kWays[] = {{0.15f, 0.35f, 0.8f, 1.0f},
                           {0.85f, 0.55f, 0.1f, 1.0f},
                           {0.5f, 0.25f, 0.7f, 1.0f},
                           {0.1f, 0.6f, 0.6f, 1.0f}};
constexpr double kJump = 1.0;  // no step is this long: the next episode has begun

constexpr char kArenaXml[] = R"(
<mujoco>
  <visual>
    <headlight ambient="0.6 0.6 0.6" diffuse="0.4 0.4 0.4" specular="0 0 0"/>
    <global fovy="45"/>
  </visual>
  <worldbody>
    <camera name="track" pos="0 0 13.2"/>
    <geom type="plane" size="5.5 5.5 1" rgba="0.95 0.95 0.93 1"/>
  </worldbody>
</mujoco>)";

void Add(mjtGeom type, const mjtNum size[3], const mjtNum position[3], const Color& color,
         mjvScene* scene) {
  if (scene->ngeom >= scene->maxgeom) return;
  mjv_initGeom(&scene->geoms[scene->ngeom++], type, size, position, nullptr, color.data());
}

void AddDisc(const Point& center, double radius, double height, const Color& color,
             mjvScene* scene) {
  const mjtNum size[3] = {radius, height, 0};
  const mjtNum position[3] = {center[0], center[1], height};
  Add(mjGEOM_CYLINDER, size, position, color, scene);
}

void AddLine(const Point& from, const Point& to, const Color& color, mjvScene* scene) {
  if (scene->ngeom >= scene->maxgeom) return;
  mjvGeom* const geom = &scene->geoms[scene->ngeom++];
  mjv_initGeom(geom, mjGEOM_CAPSULE, nullptr, nullptr, nullptr, color.data());
  const mjtNum a[3] = {from[0], from[1], 0.25}, b[3] = {to[0], to[1], 0.25};
  mjv_connector(geom, mjGEOM_CAPSULE, 0.03, a, b);
}

}  // namespace

mjModel* MakeArenaModel() {
  char error[256] = "";
  mjSpec* const spec = mj_parseXMLString(kArenaXml, nullptr, error, sizeof(error));
  PMOE_CHECK(spec != nullptr);
  mjModel* const model = mj_compile(spec, nullptr);
  PMOE_CHECK(model != nullptr);
  mj_deleteSpec(spec);
  return model;
}

void ArenaScene::AddTo(const TargetReaching& env, mjvScene* scene) {
  const Point& p = env.position();
  if (env.target() != target_) ways_.clear();
  target_ = env.target();
  if (ways_.empty() ||
      std::hypot(p[0] - ways_.back().back()[0], p[1] - ways_.back().back()[1]) > kJump) {
    ways_.emplace_back();
  }
  ways_.back().push_back(p);

  constexpr double kSide = TargetReaching::kArena;
  const Point corners[] = {{-kSide, -kSide}, {kSide, -kSide}, {kSide, kSide}, {-kSide, kSide}};
  for (int i = 0; i < 4; ++i) AddLine(corners[i], corners[(i + 1) % 4], kWall, scene);
  AddDisc(env.target(), env.options().target_radius, 0.02, kTarget, scene);
  for (const TargetReaching::Obstacle& obstacle : env.obstacles()) {
    AddDisc(obstacle.center, obstacle.radius, 0.1, kObstacle, scene);
  }
  for (size_t i = 0; i < ways_.size(); ++i) {
    for (size_t j = 1; j < ways_[i].size(); ++j) {
      AddLine(ways_[i][j - 1], ways_[i][j], kWays[i % std::size(kWays)], scene);
    }
  }
  AddDisc(p, 0.12, 0.3, kAgent, scene);
}

}  // namespace pmoe
