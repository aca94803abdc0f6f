#include "actor/env/mjcf/model_draws.h"

#include "absl/strings/str_cat.h"
#include "actor/env/mjcf/object_names.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// Where an object's numbers of a property lie: `count` of them from `first` on.
struct Numbers {
  mjtNum* first;
  int count;
};

mjtObj KindOf(Randomization::Property property) {
  switch (property) {
    case Randomization::BODY_MASS:
    case Randomization::BODY_INERTIA:
    case Randomization::BODY_COM:
      return mjOBJ_BODY;
    case Randomization::GEOM_FRICTION:
      return mjOBJ_GEOM;
    case Randomization::ACTUATOR_GAIN:
    case Randomization::SERVO_DAMPING:
      return mjOBJ_ACTUATOR;
    case Randomization::GRAVITY:
      return mjOBJ_UNKNOWN;
    default:
      return mjOBJ_JOINT;
  }
}

int DofsOf(const mjModel& m, int joint) {
  switch (m.jnt_type[joint]) {
    case mjJNT_FREE:
      return 6;
    case mjJNT_BALL:
      return 3;
    default:
      return 1;
  }
}

// Inertia goes with mass; kp and kv go together; a muscle's force stands in two places.
std::vector<Numbers> NumbersOf(Randomization::Property property, int id, mjModel* m) {
  const int dof = KindOf(property) == mjOBJ_JOINT ? m->jnt_dofadr[id] : 0;
  switch (property) {
    case Randomization::BODY_MASS:
      return {{m->body_mass + id, 1}, {m->body_inertia + 3 * id, 3}};
    case Randomization::BODY_INERTIA:
      return {{m->body_inertia + 3 * id, 3}};
    case Randomization::GEOM_FRICTION:
      return {{m->geom_friction + 3 * id, 1}};
    case Randomization::JOINT_DAMPING:
      return {{m->dof_damping + dof, DofsOf(*m, id)}};
    case Randomization::JOINT_ARMATURE:
      return {{m->dof_armature + dof, DofsOf(*m, id)}};
    case Randomization::JOINT_FRICTIONLOSS:
      return {{m->dof_frictionloss + dof, DofsOf(*m, id)}};
    case Randomization::JOINT_STIFFNESS:
      return {{m->jnt_stiffness + id, 1}};
    case Randomization::ACTUATOR_GAIN: {
      mjtNum* const gain = m->actuator_gainprm + mjNGAIN * id;
      mjtNum* const bias = m->actuator_biasprm + mjNBIAS * id;
      if (m->actuator_gaintype[id] == mjGAIN_MUSCLE) return {{gain + 2, 1}, {bias + 2, 1}};
      return {{gain, 3}, {bias + 1, 2}};
    }
    case Randomization::GRAVITY:
      return {{m->opt.gravity, 3}};
    case Randomization::BODY_COM:
      return {{m->body_ipos + 3 * id, 3}};
    case Randomization::SERVO_DAMPING:
      return {{m->actuator_biasprm + mjNBIAS * id + 2, 1}};
  }
  return {};
}

// Each of the three numbers has a draw of `add` of its own.
bool HasAxes(Randomization::Property property) {
  return property == Randomization::GRAVITY || property == Randomization::BODY_COM;
}

// Below it a number makes no sense.
bool MayBeNegative(Randomization::Property property) { return HasAxes(property); }

bool TakesAdd(Randomization::Property property) {
  return property != Randomization::BODY_INERTIA && property != Randomization::ACTUATOR_GAIN &&
         property != Randomization::SERVO_DAMPING;
}

bool TakesScale(Randomization::Property property) { return property != Randomization::BODY_COM; }

// What the model must be like, apart from its numbers.
absl::Status CheckObject(const mjModel& model, Randomization::Property property, int id,
                         const Place& place, const std::string& object) {
  if (property == Randomization::SERVO_DAMPING) {
    const mjtNum* const bias = model.actuator_biasprm + mjNBIAS * id;
    if (model.actuator_biastype[id] == mjBIAS_AFFINE && bias[1] < 0 && bias[2] < 0) {
      return absl::OkStatus();
    }
    return place.Error(absl::StrCat(object,
                                    " is no position servo with a kv of its own; name those "
                                    "that are, or give it kv or dampratio in the model"));
  }
  if (property != Randomization::BODY_COM) return absl::OkStatus();
  const int moving = model.body_weldid[id];
  if (model.body_dofnum[moving] == 0 || model.body_simple[moving] == 0) return absl::OkStatus();
  return place.Error(
      absl::StrCat(object,
                   " has its centre of mass at its joint, for which MuJoCo keeps a diagonal mass "
                   "matrix; give it an <inertial> a little off in the model, such as pos=\"1e-3 0 "
                   "0\""));
}

// MuJoCo computes no frame anew that it takes for another's: once the centre of mass moves, they
// differ.
void TellFramesApart(int body, mjModel* model) {
  model->body_sameframe[body] = mjSAMEFRAME_NONE;
  const auto tell = [](mjtByte* sameframe) {
    if (*sameframe == mjSAMEFRAME_INERTIA) *sameframe = mjSAMEFRAME_NONE;
  };
  for (int geom = 0; geom < model->ngeom; ++geom) {
    if (model->geom_bodyid[geom] == body) tell(model->geom_sameframe + geom);
  }
  for (int site = 0; site < model->nsite; ++site) {
    if (model->site_bodyid[site] == body) tell(model->site_sameframe + site);
  }
}

absl::Status CheckRanges(const Randomization& config, const Place& place) {
  if (!config.has_scale() && !config.has_add()) return place.Error("has neither scale nor add");
  if (config.has_scale()) {
    const Place at = place.Field(config, "scale");
    if (!TakesScale(config.property())) {
      return at.Error(absl::StrCat(Randomization::Property_Name(config.property()),
                                   " is moved, not scaled: add { min: -0.02 max: 0.02 }"));
    }
    PMOE_RETURN_IF_ERROR(CheckInterval(config.scale(), at, /*bounded=*/true));
    if (!(config.scale().min() > 0) && !MayBeNegative(config.property())) {
      return at.Error(absl::StrCat("min must be > 0, got ", config.scale().min()));
    }
  }
  if (!config.has_add()) return absl::OkStatus();
  const Place at = place.Field(config, "add");
  if (!TakesAdd(config.property())) {
    return at.Error(
        absl::StrCat(Randomization::Property_Name(config.property()), " can be scaled only"));
  }
  return CheckInterval(config.add(), at, /*bounded=*/true);
}

// The smallest number that a draw can give must still be one that the simulator can work with.
absl::Status CheckSmallest(const Randomization& config, const Place& place, mjtNum nominal,
                           const std::string& object) {
  if (MayBeNegative(config.property()) || !config.has_add()) return absl::OkStatus();
  const double scale = config.has_scale() ? config.scale().min() : 1.0;
  const double smallest = nominal * scale + config.add().min();
  const bool mass = config.property() == Randomization::BODY_MASS;
  if (mass && nominal > 0 ? smallest > 0 : smallest >= 0) return absl::OkStatus();
  return place.Field(config, "add")
      .Error(absl::StrCat("would make the number of ", object, " ", smallest, "; it must stay ",
                          mass ? "> 0" : ">= 0"));
}

}  // namespace

absl::StatusOr<std::vector<int>> ModelDraws::Objects(const Randomization& config,
                                                     const Place& place) const {
  const mjtObj kind = KindOf(config.property());
  if (kind == mjOBJ_UNKNOWN) {
    if (config.name().empty()) return std::vector<int>{0};
    return place.Field(config, "name", 0).Error("GRAVITY takes no name");
  }
  absl::StatusOr<std::vector<int>> found = FindObjects(*model_, kind, config.name());
  if (!found.ok())
    return place.Field(config, "name", 0).Error(std::string(found.status().message()));
  // Bodies without mass are the world and mere frames.
  if (kind == mjOBJ_BODY)
    std::erase_if(*found, [this](int id) { return model_->body_mass[id] == 0; });
  return found;
}

absl::Status ModelDraws::Add(const Randomization& config, const Place& place,
                             EpisodeMemory* memory) {
  if (!config.has_property()) return place.Field(config, "property").Error("is missing");
  PMOE_RETURN_IF_ERROR(CheckRanges(config, place));
  PMOE_ASSIGN_OR_RETURN(const std::vector<int> ids, Objects(config, place));
  const bool gravity = config.property() == Randomization::GRAVITY;
  const bool axes = HasAxes(config.property());
  const size_t draws_each = axes ? 3 : 1;
  Property property{.config = config, .draws = 0, .targets = {}, .scale = {}, .add = {}};
  for (const int id : ids) {
    const std::string object =
        gravity ? "gravity" : DescribeObject(*model_, KindOf(config.property()), id);
    PMOE_RETURN_IF_ERROR(CheckObject(*model_, config.property(), id, place, object));
    if (config.property() == Randomization::BODY_COM) TellFramesApart(id, model_);
    const std::vector<Numbers> all = NumbersOf(config.property(), id, model_);
    for (size_t part = 0; part < all.size(); ++part) {
      const bool follows = config.property() == Randomization::BODY_MASS && part > 0;
      for (int n = 0; n < all[part].count; ++n) {
        mjtNum* const number = all[part].first + n;
        if (!follows) PMOE_RETURN_IF_ERROR(CheckSmallest(config, place, *number, object));
        const size_t first = config.together() ? 0 : property.draws;
        const size_t draw = first + (axes ? n : 0);
        property.targets.push_back({number, *number, draw, follows});
      }
    }
    property.draws = (config.together() ? 0 : property.draws) + draws_each;
  }
  if (config.has_scale()) property.scale = memory->Allocate(property.draws);
  if (config.has_add()) property.add = memory->Allocate(property.draws);
  properties_.push_back(std::move(property));
  return absl::OkStatus();
}

absl::StatusOr<ModelDraws> ModelDraws::Compile(const MjcfTaskConfig& task, const Place& place,
                                               mjModel* model, EpisodeMemory* memory) {
  ModelDraws draws;
  draws.model_ = model;
  for (int i = 0; i < task.randomize_size(); ++i) {
    PMOE_RETURN_IF_ERROR(draws.Add(task.randomize(i), place.Field(task, "randomize", i), memory));
  }
  return draws;
}

void ModelDraws::Draw(Pcg64* generator, mjData* data) {
  if (properties_.empty()) return;
  for (const Property& property : properties_) {
    const bool gravity = property.config.property() == Randomization::GRAVITY;
    for (size_t i = 0; i < property.draws; ++i) {
      if (!property.scale.empty()) {
        const Interval& scale = property.config.scale();
        // Of gravity's length: one draw for its three axes.
        property.scale[i] =
            gravity && i > 0 ? property.scale[0] : generator->Uniform(scale.min(), scale.max());
      }
      if (!property.add.empty()) {
        const Interval& add = property.config.add();
        property.add[i] = generator->Uniform(add.min(), add.max());
      }
    }
  }
  Apply(data);
}

void ModelDraws::Change(const Property& property) {
  mjtNum ratio = 1.0;
  for (const Target& target : property.targets) {
    if (target.follows) {
      *target.number *= ratio;
      continue;
    }
    const mjtNum before = *target.number;
    if (!property.scale.empty()) *target.number *= property.scale[target.draw];
    if (!property.add.empty()) *target.number += property.add[target.draw];
    ratio = before != 0 ? *target.number / before : 1.0;
  }
}

void ModelDraws::Apply(mjData* data) {
  if (properties_.empty()) return;
  // Two entries may have one number: the later one goes on from what the earlier one made.
  for (const Property& property : properties_) {
    for (const Target& target : property.targets) *target.number = target.nominal;
  }
  for (const Property& property : properties_) Change(property);
  mj_setConst(model_, data);
}

}  // namespace pmoe
