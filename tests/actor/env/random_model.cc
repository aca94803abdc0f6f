#include "tests/actor/env/random_model.h"

#include <array>
#include <cstring>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"

namespace pmoe {
namespace {

constexpr std::array<std::array<float, 3>, 4> kCorners = {
    {{0, 0, 0}, {0.2F, 0, 0}, {0, 0.2F, 0}, {0, 0, 0.2F}}};
constexpr std::array<std::array<int32_t, 3>, 4> kFaces = {
    {{0, 2, 1}, {0, 1, 3}, {0, 3, 2}, {1, 2, 3}}};

template <typename T>
void Append(const T& value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string Stl() {
  std::string bytes(80, ' ');
  Append(static_cast<uint32_t>(kFaces.size()), &bytes);
  for (const auto& face : kFaces) {
    bytes.append(3 * sizeof(float), '\0');  // the normal, which MuJoCo computes
    for (const int32_t corner : face) Append(kCorners[corner], &bytes);
    bytes.append(2, '\0');
  }
  return bytes;
}

std::string Obj() {
  std::string text;
  for (const auto& c : kCorners) absl::StrAppend(&text, "v ", c[0], " ", c[1], " ", c[2], "\n");
  for (const auto& f : kFaces) {
    absl::StrAppend(&text, "f ", f[0] + 1, " ", f[1] + 1, " ", f[2] + 1, "\n");
  }
  return text;
}

std::string Msh() {
  std::string bytes;
  Append(std::array<int32_t, 4>{kCorners.size(), 0, 0, kFaces.size()}, &bytes);
  Append(kCorners, &bytes);
  Append(kFaces, &bytes);
  return bytes;
}

using Words = std::vector<std::string>;

// Builds one model; the parts take their draws in the order in which Text calls them.
class Builder {
 public:
  explicit Builder(uint64_t seed) : rng_(seed, RngRole::kActor, 0) {}

  std::string Text() {
    // One after the other: what comes later names what came before.
    std::string text = "<mujoco><compiler angle='radian' autolimits='true'/><size nuserdata='3'/>";
    text += Option();
    text += Plugins();
    text += Assets();
    absl::StrAppend(&text, "<worldbody>", World(), "</worldbody>");
    text += Tendons();
    text += Equalities();
    text += Contacts();
    text += Actuators();
    text += Sensors();
    return text + "</mujoco>";
  }

 private:
  double U(double low, double high) { return low + (high - low) * rng_.Uniform(); }
  bool Chance(double p) { return rng_.Uniform() < p; }
  int Int(int n) { return static_cast<int>(n * rng_.Uniform()); }
  std::string Pick(const Words& words) { return words[Int(static_cast<int>(words.size()))]; }
  std::string Any(const Words& names) { return names.empty() ? "" : Pick(names); }
  std::string Point(double r) { return absl::StrCat(U(-r, r), " ", U(-r, r), " ", U(-r, r)); }

  std::string Option() {
    return absl::StrCat(
        "<option timestep='", Pick({"0.002", "0.004", "0.001"}), "' solver='",
        Pick({"PGS", "CG", "Newton"}), "' integrator='",
        Pick({"Euler", "RK4", "implicit", "implicitfast"}), "' cone='",
        Pick({"pyramidal", "elliptic"}), "' jacobian='", Pick({"dense", "sparse", "auto"}),
        "' iterations='", Pick({"3", "20", "100"}), "' noslip_iterations='",
        Pick({"0", "0", "0", "4"}), "' density='", Pick({"0", "0", "1.2"}), "' impratio='",
        Pick({"1", "1", "5"}), "'><flag energy='", Pick({"disable", "enable"}), "' warmstart='",
        Pick({"enable", "enable", "disable"}), "' filterparent='",
        Pick({"enable", "enable", "disable"}), "' multiccd='", Pick({"disable", "enable"}),
        "' island='", Pick({"enable", "enable", "disable"}), "'/></option>");
  }

  std::string Plugins() {
    return "<extension><plugin plugin='mujoco.pid'/><plugin plugin='mujoco.sensor.touch_grid'/>"
           "<plugin plugin='mujoco.elasticity.cable'/><plugin plugin='mujoco.sdf.torus'/>"
           "</extension>";
  }

  std::string Assets() {
    return "<asset>" + Torus() +
           "<mesh name='stl' file='tetra.stl'/><mesh name='obj' file='tetra.obj'/><mesh "
           "name='msh' file='tetra.msh'/><hfield name='hills' nrow='5' ncol='5' size='3 3 .2 .1' "
           "elevation='0 1 0 2 0 1 0 1 0 1 0 0 2 0 1 1 0 1 0 0 0 2 0 1 0'/></asset>";
  }

  std::string Geom(int condim) {
    const std::string type =
        Pick({"sphere", "capsule", "box", "ellipsoid", "cylinder", "stl", "obj", "msh"});
    const bool mesh = type == "stl" || type == "obj" || type == "msh";
    const std::string name = absl::StrCat("g", geoms_.size());
    geoms_.push_back(name);
    return absl::StrCat("<geom name='", name, "' ",
                        mesh ? absl::StrCat("type='mesh' mesh='", type, "'")
                             : absl::StrCat("type='", type, "' size='", U(.04, .12), " ",
                                            U(.04, .12), " ", U(.04, .12), "'"),
                        " pos='", Point(.15), "' euler='", Point(1.5), "' condim='", condim,
                        "' friction='", U(.2, 1.2), " .01 .001'/>");
  }

  std::string Joint(bool root) {
    const std::string type =
        root ? Pick({"free", "free", "slide", "hinge"}) : Pick({"hinge", "hinge", "slide", "ball"});
    const std::string name = absl::StrCat("j", joints_++);
    if (type == "free") return absl::StrCat("<freejoint name='", name, "'/>");
    if (type != "ball") scalar_joints_.push_back(name);
    return absl::StrCat("<joint name='", name, "' type='", type, "' axis='", Point(1),
                        "' damping='", Pick({"0", ".1", "1"}), "' stiffness='", Pick({"0", "2"}),
                        "' frictionloss='", Pick({"0", "0", ".1"}), "' armature='",
                        Pick({"0", ".01"}), "'", Chance(.5) ? Limit(type) : "", "/>");
  }
  std::string Limit(const std::string& type) {
    return type == "ball" ? " range='0 .6'" : " range='-.4 .5'";
  }

  std::string Body(int depth, bool root) {
    const std::string name = absl::StrCat("b", bodies_.size());
    bodies_.push_back(name);
    const std::string place = root ? absl::StrCat(U(-.5, .5), " ", U(-.5, .5), " ", U(.3, .7))
                                   : absl::StrCat(U(.1, .3), " ", U(-.1, .1), " ", U(-.2, .1));
    std::string text =
        absl::StrCat("<body name='", name, "' pos='", place, "'>", Joint(root), "<site name='s",
                     bodies_.size() - 1, "' pos='", Point(.1), "' size='.15'/>");
    const int condim = std::array<int, 4>{1, 3, 4, 6}[Int(4)];
    if (bodies_.size() == 1) {
      text +=
          "<geom name='ball' size='.05' contype='0' conaffinity='0'/><geom name='rod' "
          "type='cylinder' size='.04 .1' contype='0' conaffinity='0'/>";
    }
    for (int n = Chance(.1) ? 9 + Int(3) : 1 + Int(3); n > 0; --n) text += Geom(condim);
    for (int n = depth > 0 ? 1 + Int(2) : 0; n > 0; --n) text += Body(depth - 1, false);
    return text + "</body>";
  }

  std::string Flex() {
    const bool solid = Chance(.3);
    const std::string size = solid ? "3 2 2" : "3 3 1";
    return absl::StrCat("<flexcomp name='cloth' type='grid' count='", size,
                        "' spacing='.15 .15 .15' pos='0 0 .5' radius='.03' mass='.3' dim='",
                        solid ? 3 : 2, "'><contact selfcollide='none'/>",
                        solid || Chance(.5) ? "<elasticity young='3e3' poisson='.2' damping='.01'/>"
                                            : "<edge equality='true'/>",
                        "</flexcomp>");
  }

  std::string Cable() {
    return "<composite type='cable' curve='s' count='6 1 1' size='.6' offset='-.3 .3 .6' "
           "initial='free'><plugin plugin='mujoco.elasticity.cable'><config key='twist' "
           "value='1e5'/><config key='bend' value='4e4'/></plugin><joint kind='main' "
           "damping='.02'/><geom type='capsule' size='.02' density='500'/></composite>";
  }

  std::string Torus() {
    torus_ = Chance(.06);
    return torus_ ? "<mesh name='torus'><plugin plugin='mujoco.sdf.torus'><config key='radius1' "
                    "value='.2'/><config key='radius2' value='.08'/></plugin></mesh>"
                  : "";
  }

  std::string World() {
    std::string text = "<light pos='0 0 3'/>";
    const bool hills = Chance(.3);
    text += hills ? "<geom name='floor' type='hfield' hfield='hills'/>"
                  : "<geom name='floor' type='plane' size='5 5 1'/>";
    for (int trees = 1 + Int(3); trees > 0; --trees) text += Body(Int(3), true);
    mocap_ = Chance(.3);
    if (mocap_) text += "<body name='hand' mocap='true' pos='0 0 .8'/>";
    if (torus_) {
      text +=
          "<body pos='0 0 .9'><freejoint/><geom type='sdf' mesh='torus'><plugin "
          "plugin='mujoco.sdf.torus'><config key='radius1' value='.2'/><config key='radius2' "
          "value='.08'/></plugin></geom></body>";
    }
    if (Chance(.1)) text += Cable();
    // MuJoCo 3.6.0 itself crashes where a flex meets a height field (mjc_HFieldElem).
    if (!hills && Chance(.3)) text += Flex();
    return text;
  }

  std::string Tendons() {
    if (bodies_.size() < 2 || !Chance(.5)) return "";
    std::string text = "<tendon>";
    if (!scalar_joints_.empty()) {
      text += absl::StrCat("<fixed name='t0' damping='.1'><joint joint='", Pick(scalar_joints_),
                           "' coef='.7'/></fixed>");
      tendons_.push_back("t0");
    }
    text +=
        absl::StrCat("<spatial name='t1' stiffness='", Pick({"0", "5"}), "' range='.01 .4'>",
                     "<site site='s0'/>", Pick({"", "<geom geom='ball'/>", "<geom geom='rod'/>"}),
                     "<site site='s", bodies_.size() - 1, "'/></spatial></tendon>");
    tendons_.push_back("t1");
    return text;
  }

  std::string Equalities() {
    std::string text = "<equality>";
    const std::string active = Pick({"true", "false"});
    if (mocap_) absl::StrAppend(&text, "<weld body1='hand' body2='b0' active='", active, "'/>");
    if (bodies_.size() > 1 && Chance(.3)) {
      absl::StrAppend(&text, "<connect body1='b0' body2='b", bodies_.size() - 1,
                      "' anchor='0 0 .1' active='", Pick({"true", "false"}), "'/>");
    }
    if (!scalar_joints_.empty() && Chance(.3)) {
      absl::StrAppend(&text, "<joint joint1='", Pick(scalar_joints_), "' polycoef='.1 1 0 0 0'/>");
    }
    if (!tendons_.empty() && Chance(.3)) {
      absl::StrAppend(&text, "<tendon tendon1='", Pick(tendons_), "'/>");
    }
    return text + "</equality>";
  }

  std::string Contacts() {
    std::string text = "<contact>";
    if (bodies_.size() > 1 && Chance(.3)) text += "<exclude body1='b0' body2='b1'/>";
    if (geoms_.size() > 1 && bodies_.size() > 1 && Chance(.3)) {
      absl::StrAppend(&text, "<pair geom1='g0' geom2='", geoms_.back(), "' condim='3'/>");
    }
    return text + "</contact>";
  }

  std::string Actuators() {
    std::string text = "<actuator>";
    const std::string joint = Any(scalar_joints_);
    if (!joint.empty()) text += JointActuators(absl::StrCat("joint='", joint, "'"));
    if (!tendons_.empty() && Chance(.6)) {
      absl::StrAppend(&text, "<muscle tendon='", Pick(tendons_),
                      "' ctrlrange='0 1' lengthrange='.1 "
                      "1' force='3'/>");
    }
    return text + "<motor site='s0' gear='1 0 0 0 0 1'/></actuator>";
  }
  std::string JointActuators(const std::string& on) {
    std::string text;
    if (Chance(.5)) absl::StrAppend(&text, "<motor ", on, Delay(), "/>");
    if (Chance(.5))
      absl::StrAppend(&text, "<position ", on, " kp='3' timeconst='.03'", Delay(), "/>");
    if (Chance(.3)) absl::StrAppend(&text, "<intvelocity ", on, " kp='2' actrange='-1 1'/>");
    if (Chance(.3)) {
      absl::StrAppend(&text, "<general ", on, " dyntype='",
                      Pick({"filter", "filterexact", "integrator"}), "' dynprm='.05' actearly='",
                      Pick({"true", "false"}), "'/>");
    }
    if (Chance(.3)) absl::StrAppend(&text, "<damper ", on, " kv='1' ctrlrange='0 1'/>");
    if (Chance(.3)) {
      absl::StrAppend(&text, "<plugin ", on,
                      " plugin='mujoco.pid' actdim='2'><config key='kp' "
                      "value='4'/><config key='ki' value='2'/><config key='kd' value='.2'/><config "
                      "key='slewmax' value='3'/></plugin>");
    }
    return text;
  }
  std::string Delay() { return Chance(.3) ? " nsample='4' delay='.005'" : ""; }

  std::string Sensors() {
    std::string text = "<sensor>";
    if (!scalar_joints_.empty()) {
      const std::string joint = Pick(scalar_joints_);
      absl::StrAppend(&text, "<jointpos joint='", joint,
                      "' nsample='3' delay='.004'/><jointvel joint='", joint,
                      "'/><jointactuatorfrc joint='", joint, "'/>");
    }
    if (Chance(.5)) text += "<accelerometer site='s0' nsample='3' interval='.006'/>";
    if (Chance(.2)) {
      text +=
          "<plugin name='grid' plugin='mujoco.sensor.touch_grid' objtype='site' objname='s0'>"
          "<config key='size' value='3 3'/><config key='fov' value='45 45'/>"
          "<config key='gamma' value='0'/><config key='nchannel' value='3'/></plugin>";
    }
    if (!tendons_.empty()) absl::StrAppend(&text, "<tendonpos tendon='", Pick(tendons_), "'/>");
    return text +
           "<gyro site='s0'/><touch site='s0'/><force site='s0'/><torque site='s0'/>"
           "<framepos objtype='body' objname='b0'/><frameangacc objtype='body' objname='b0'/>"
           "<framelinvel objtype='site' objname='s0'/><subtreecom body='b0'/><rangefinder "
           "site='s0'/><subtreelinvel body='b0'/><clock/><e_kinetic/><user dim='2' "
           "needstage='acc'/></sensor>";
  }

  Rng rng_;
  Words bodies_, geoms_, scalar_joints_, tendons_;
  int joints_ = 0;
  bool mocap_ = false;
  bool torus_ = false;
};

}  // namespace

void WriteMeshes(const std::string& folder) {
  std::ofstream(folder + "/tetra.stl", std::ios::binary) << Stl();
  std::ofstream(folder + "/tetra.obj", std::ios::binary) << Obj();
  std::ofstream(folder + "/tetra.msh", std::ios::binary) << Msh();
}

std::string RandomModel(uint64_t seed) { return Builder(seed).Text(); }

}  // namespace pmoe
