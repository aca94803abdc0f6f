#include "actor/env/mjcf/selection.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "actor/env/mjcf/object_names.h"
#include "actor/env/state_names.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// A part of an array that belongs to one object.
struct Part {
  int begin;
  int count;
};

// An array of mjData, and how it is divided among the objects of one kind.
struct Array {
  double* data = nullptr;
  int size = 0;
  mjtObj kind = mjOBJ_UNKNOWN;
  std::function<Part(int)> part;  // of the object; null: without names
};

Array Even(double* data, mjtObj kind, int objects, int width) {
  return {data, objects * width, kind, [width](int id) { return Part{id * width, width}; }};
}

// Each object's part ends where the next one's begins.
Array Addressed(double* data, int size, mjtObj kind, int objects, const int* address) {
  return {data, size, kind, [=](int id) {
            const int end = id + 1 == objects ? size : address[id + 1];
            return Part{address[id], end - address[id]};
          }};
}

Array OfActuators(SimulatorArray array, const mjModel& m, const mjData& d) {
  const int nu = static_cast<int>(m.nu);
  switch (array) {
    case ACT:
      return {d.act, static_cast<int>(m.na), mjOBJ_ACTUATOR, [&m](int id) {
                const int begin = m.actuator_actadr[id];
                return begin < 0 ? Part{0, 0} : Part{begin, m.actuator_actnum[id]};
              }};
    case ACTUATOR_FORCE:
      return Even(d.actuator_force, mjOBJ_ACTUATOR, nu, 1);
    case ACTUATOR_LENGTH:
      return Even(d.actuator_length, mjOBJ_ACTUATOR, nu, 1);
    case ACTUATOR_VELOCITY:
      return Even(d.actuator_velocity, mjOBJ_ACTUATOR, nu, 1);
    default:
      return Even(d.ctrl, mjOBJ_ACTUATOR, nu, 1);
  }
}

Array OfJoints(SimulatorArray array, const mjModel& m, const mjData& d) {
  const auto of = [&m](double* data, mjtSize size, const int* address) {
    return Addressed(data, static_cast<int>(size), mjOBJ_JOINT, static_cast<int>(m.njnt), address);
  };
  switch (array) {
    case QPOS:
      return of(d.qpos, m.nq, m.jnt_qposadr);
    case QVEL:
      return of(d.qvel, m.nv, m.jnt_dofadr);
    case QACC:
      return of(d.qacc, m.nv, m.jnt_dofadr);
    case QFRC_ACTUATOR:
      return of(d.qfrc_actuator, m.nv, m.jnt_dofadr);
    default:
      return of(d.qfrc_constraint, m.nv, m.jnt_dofadr);
  }
}

Array OfMocap(double* data, const mjModel& m, int width) {
  return {data, static_cast<int>(m.nmocap) * width, mjOBJ_BODY, [&m, width](int id) {
            const int mocap = m.body_mocapid[id];
            return mocap < 0 ? Part{0, 0} : Part{mocap * width, width};
          }};
}

Array Find(SimulatorArray array, const mjModel& m, mjData& d) {
  const int bodies = static_cast<int>(m.nbody), geoms = static_cast<int>(m.ngeom),
            sites = static_cast<int>(m.nsite), tendons = static_cast<int>(m.ntendon);
  switch (array) {
    case QPOS:
    case QVEL:
    case QACC:
    case QFRC_ACTUATOR:
    case QFRC_CONSTRAINT:
      return OfJoints(array, m, d);
    case CTRL:
    case ACT:
    case ACTUATOR_FORCE:
    case ACTUATOR_LENGTH:
    case ACTUATOR_VELOCITY:
      return OfActuators(array, m, d);
    case XPOS:
      return Even(d.xpos, mjOBJ_BODY, bodies, 3);
    case XQUAT:
      return Even(d.xquat, mjOBJ_BODY, bodies, 4);
    case XMAT:
      return Even(d.xmat, mjOBJ_BODY, bodies, 9);
    case XIPOS:
      return Even(d.xipos, mjOBJ_BODY, bodies, 3);
    case SUBTREE_COM:
      return Even(d.subtree_com, mjOBJ_BODY, bodies, 3);
    case CINERT:
      return Even(d.cinert, mjOBJ_BODY, bodies, 10);
    case CVEL:
      return Even(d.cvel, mjOBJ_BODY, bodies, 6);
    case CFRC_EXT:
      return Even(d.cfrc_ext, mjOBJ_BODY, bodies, 6);
    case GEOM_XPOS:
      return Even(d.geom_xpos, mjOBJ_GEOM, geoms, 3);
    case SITE_XPOS:
      return Even(d.site_xpos, mjOBJ_SITE, sites, 3);
    case SITE_XMAT:
      return Even(d.site_xmat, mjOBJ_SITE, sites, 9);
    case TEN_LENGTH:
      return Even(d.ten_length, mjOBJ_TENDON, tendons, 1);
    case TEN_VELOCITY:
      return Even(d.ten_velocity, mjOBJ_TENDON, tendons, 1);
    case MOCAP_POS:
      return OfMocap(d.mocap_pos, m, 3);
    case MOCAP_QUAT:
      return OfMocap(d.mocap_quat, m, 4);
    case SENSORDATA:
      return Addressed(d.sensordata, static_cast<int>(m.nsensordata), mjOBJ_SENSOR,
                       static_cast<int>(m.nsensor), m.sensor_adr);
    case TIME:
      return {&d.time, 1, mjOBJ_UNKNOWN, nullptr};
    default:
      return {};
  }
}

// From begin on, count numbers or all; of `what`, for errors.
absl::StatusOr<absl::Span<double>> Cut(const Slice& slice, absl::Span<double> part,
                                       absl::string_view what) {
  const int size = static_cast<int>(part.size());
  const int64_t end = slice.count() == 0 ? size : int64_t{slice.begin()} + slice.count();
  if (slice.begin() < 0 || slice.count() < 0 || end > size || slice.begin() >= end) {
    return absl::InvalidArgumentError(
        absl::StrCat("begin ", slice.begin(), " and count ", slice.count(),
                     " do not fit: ", SimulatorArray_Name(slice.array()),
                     what.empty() ? "" : " of ", what, " has ", size, " numbers"));
  }
  return part.subspan(slice.begin(), end - slice.begin());
}

std::string LowerName(const Slice& slice) {
  return absl::AsciiStrToLower(SimulatorArray_Name(slice.array()));
}

// Of the numbers [begin, begin + count) of an object's `whole` numbers.
std::vector<std::string> ObjectNames(const Slice& slice, const mjModel& model, mjtObj kind, int id,
                                     size_t count, size_t whole) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    names.push_back(ObjectNumberName(model, kind, id, LowerName(slice),
                                     slice.begin() + static_cast<int>(i), static_cast<int>(whole)));
  }
  return names;
}

// Of the numbers [begin, begin + count) of a whole array, by its objects where it has some.
std::vector<std::string> ArrayNames(const Slice& slice, const mjModel& model, const Array& array,
                                    size_t count) {
  std::vector<std::string> all;
  for (int i = 0; i < array.size; ++i) all.push_back(absl::StrCat(LowerName(slice), "[", i, "]"));
  const int objects = array.part == nullptr ? 0 : CountObjects(model, array.kind);
  for (int id = 0; id < objects; ++id) {
    const Part part = array.part(id);
    for (int i = 0; i < part.count; ++i) {
      all[part.begin + i] =
          ObjectNumberName(model, array.kind, id, LowerName(slice), i, part.count);
    }
  }
  return {all.begin() + slice.begin(), all.begin() + slice.begin() + static_cast<long>(count)};
}

// The commands' and clocks' numbers, and the last action's, which the task itself keeps.
absl::StatusOr<Selection> FindNamed(const Slice& slice, const SliceSource& source) {
  const bool clock = slice.array() == CLOCK;
  Selection found;
  for (const std::string& name : slice.name()) {
    PMOE_ASSIGN_OR_RETURN(const absl::Span<double> whole,
                          clock ? source.commands->Clock(name) : source.commands->Command(name));
    PMOE_ASSIGN_OR_RETURN(const absl::Span<double> part, Cut(slice, whole, name));
    std::vector<std::string> names;
    for (size_t i = 0; i < part.size(); ++i) {
      names.push_back(absl::StrCat(LowerName(slice), ".", name, "[", slice.begin() + i, "]"));
    }
    found.Add(part, std::move(names));
  }
  return found;
}

absl::StatusOr<Selection> FindOfObjects(const Slice& slice, const SliceSource& source,
                                        const Array& array) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<int> ids,
                        FindObjects(*source.model, array.kind, slice.name()));
  Selection found;
  for (const int id : ids) {
    const Part part = array.part(id);
    PMOE_ASSIGN_OR_RETURN(
        const absl::Span<double> cut,
        Cut(slice, absl::Span<double>(array.data + part.begin, static_cast<size_t>(part.count)),
            DescribeObject(*source.model, array.kind, id)));
    found.Add(cut, ObjectNames(slice, *source.model, array.kind, id, cut.size(),
                               static_cast<size_t>(part.count)));
  }
  return found;
}

absl::StatusOr<Selection> FindComputed(const Slice& slice, const SliceSource& source, mjtObj kind) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<int> ids, FindObjects(*source.model, kind, slice.name()));
  Selection found;
  for (const int id : ids) {
    const absl::Span<double> whole = source.computed->Add(slice.array(), id);
    PMOE_ASSIGN_OR_RETURN(const absl::Span<double> cut,
                          Cut(slice, whole, DescribeObject(*source.model, kind, id)));
    found.Add(cut, ObjectNames(slice, *source.model, kind, id, cut.size(), whole.size()));
  }
  return found;
}

}  // namespace

void Selection::Add(absl::Span<double> part, std::vector<std::string> names) {
  size_ += part.size();
  names_.insert(names_.end(), names.begin(), names.end());
  // Neighbours become one part, so that most selections need no copy.
  if (!parts_.empty() && parts_.back().data() + parts_.back().size() == part.data()) {
    parts_.back() = absl::MakeSpan(parts_.back().data(), parts_.back().size() + part.size());
  } else {
    parts_.push_back(part);
  }
}

absl::Span<const double> Selection::Values(std::vector<double>* scratch) const {
  if (parts_.size() == 1) return parts_[0];
  scratch->resize(size_);
  CopyTo(scratch->data());
  return *scratch;
}

void Selection::CopyTo(double* values) const {
  for (const absl::Span<double> part : parts_) {
    values = std::copy(part.begin(), part.end(), values);
  }
}

absl::StatusOr<Selection> FindSlice(const Slice& slice, const SliceSource& source) {
  if (!slice.has_array()) return absl::InvalidArgumentError("array is missing, such as QPOS");
  const std::string array_name = SimulatorArray_Name(slice.array());
  mjtObj kind;
  const bool named = slice.array() == COMMAND || slice.array() == CLOCK;
  if (named || IsComputed(slice.array(), &kind)) {
    if (slice.name().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(array_name, " needs a name"));
    }
    return named ? FindNamed(slice, source) : FindComputed(slice, source, kind);
  }
  const Array array = slice.array() == LAST_ACTION
                          ? Even(source.controls->LastAction().data(), mjOBJ_ACTUATOR,
                                 static_cast<int>(source.model->nu), 1)
                          : Find(slice.array(), *source.model, *source.data);
  if (!slice.name().empty()) {
    if (array.part != nullptr) return FindOfObjects(slice, source, array);
    return absl::InvalidArgumentError(absl::StrCat(array_name, " takes no name"));
  }
  PMOE_ASSIGN_OR_RETURN(
      const absl::Span<double> cut,
      Cut(slice, absl::Span<double>(array.data, static_cast<size_t>(array.size)), ""));
  Selection found;
  found.Add(cut, ArrayNames(slice, *source.model, array, cut.size()));
  return found;
}

absl::StatusOr<Selection> FindSlice(const Slice& slice, const SliceSource& source,
                                    const Place& place) {
  absl::StatusOr<Selection> found = FindSlice(slice, source);
  if (!found.ok()) return place.Error(std::string(found.status().message()));
  return found;
}

}  // namespace pmoe
