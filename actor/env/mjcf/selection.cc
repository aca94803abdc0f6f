#include "actor/env/mjcf/selection.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/near_names.h"

namespace pmoe {
namespace {

// An array of mjData, and how it is divided among the objects of one kind.
struct Array {
  const double* data;
  size_t size;
  mjtObj kind;
  int objects;
  int width;           // numbers per object; 0: see `address`
  const int* address;  // where each object's part begins; the next one's ends it
};

Array Find(SimulatorArray array, const mjModel& m, const mjData& d) {
  const size_t bodies = static_cast<size_t>(m.nbody);
  const auto of_bodies = [&](const double* data, int width) -> Array {
    return {data,       bodies * static_cast<size_t>(width),
            mjOBJ_BODY, static_cast<int>(m.nbody),
            width,      nullptr};
  };
  const auto of_joints = [&](const double* data, size_t size, const int* address) -> Array {
    return {data, size, mjOBJ_JOINT, static_cast<int>(m.njnt), 0, address};
  };
  const size_t nq = static_cast<size_t>(m.nq), nv = static_cast<size_t>(m.nv);
  switch (array) {
    case QPOS:
      return of_joints(d.qpos, nq, m.jnt_qposadr);
    case QVEL:
      return of_joints(d.qvel, nv, m.jnt_dofadr);
    case QFRC_ACTUATOR:
      return of_joints(d.qfrc_actuator, nv, m.jnt_dofadr);
    case QFRC_CONSTRAINT:
      return of_joints(d.qfrc_constraint, nv, m.jnt_dofadr);
    case CTRL:
      return {d.ctrl, static_cast<size_t>(m.nu), mjOBJ_ACTUATOR, static_cast<int>(m.nu), 1,
              nullptr};
    case XPOS:
      return of_bodies(d.xpos, 3);
    case XQUAT:
      return of_bodies(d.xquat, 4);
    case XIPOS:
      return of_bodies(d.xipos, 3);
    case CINERT:
      return of_bodies(d.cinert, 10);
    case CVEL:
      return of_bodies(d.cvel, 6);
    case CFRC_EXT:
      return of_bodies(d.cfrc_ext, 6);
    case SITE_XPOS:
      return {d.site_xpos, 3 * static_cast<size_t>(m.nsite),
              mjOBJ_SITE,  static_cast<int>(m.nsite),
              3,           nullptr};
    case SENSORDATA:
      return {d.sensordata,
              static_cast<size_t>(m.nsensordata),
              mjOBJ_SENSOR,
              static_cast<int>(m.nsensor),
              0,
              m.sensor_adr};
  }
  return {};
}

absl::Status UnknownName(const Slice& slice, const Array& array, const mjModel& model) {
  std::vector<std::string> names;
  for (int i = 0; i < array.objects; ++i) {
    if (const char* name = mj_id2name(&model, array.kind, i)) names.emplace_back(name);
  }
  const std::vector<std::string> near = NearNames(slice.name(), names);
  return absl::InvalidArgumentError(absl::StrCat(
      "the model has no ", mju_type2Str(array.kind), " named \"", slice.name(), "\"",
      near.empty() ? "" : absl::StrCat("; did you mean ", absl::StrJoin(near, " or "), "?"),
      names.empty() ? "" : absl::StrCat(" It has ", absl::StrJoin(names, ", "))));
}

}  // namespace

absl::StatusOr<absl::Span<const double>> FindSlice(const Slice& slice, const mjModel& model,
                                                   const mjData& data) {
  if (!slice.has_array()) return absl::InvalidArgumentError("array is missing, such as QPOS");
  const Array array = Find(slice.array(), model, data);
  absl::Span<const double> part(array.data, array.size);
  if (slice.has_name()) {
    const int id = mj_name2id(&model, array.kind, slice.name().c_str());
    if (id < 0) return UnknownName(slice, array, model);
    const bool last = id + 1 == array.objects;
    const size_t begin = array.width > 0 ? static_cast<size_t>(id) * array.width
                                         : static_cast<size_t>(array.address[id]);
    const size_t end = array.width > 0 ? begin + static_cast<size_t>(array.width)
                       : last          ? array.size
                                       : static_cast<size_t>(array.address[id + 1]);
    part = part.subspan(begin, end - begin);
  }
  const int size = static_cast<int>(part.size());
  const int64_t end = slice.count() == 0 ? size : int64_t{slice.begin()} + slice.count();
  if (slice.begin() < 0 || slice.count() < 0 || end > size || slice.begin() >= end) {
    return absl::InvalidArgumentError(absl::StrCat(
        "begin ", slice.begin(), " and count ", slice.count(),
        " do not fit: ", SimulatorArray_Name(slice.array()),
        slice.has_name() ? absl::StrCat(" of ", slice.name()) : "", " has ", size, " numbers"));
  }
  return part.subspan(slice.begin(), end - slice.begin());
}

}  // namespace pmoe
