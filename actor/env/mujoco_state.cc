#include "actor/env/mujoco_state.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "mujoco/mjxmacro.h"

namespace pmoe {
namespace {

template <typename Visitor>
void VisitIfNumeric(mjtNum* array, size_t n, Visitor& visit) {
  visit(absl::Span<mjtNum>(array, n));
}
template <typename T, typename Visitor>
void VisitIfNumeric(T*, size_t, Visitor&) {}

// Calls visit(Span<mjtNum>) for every floating-point array in mjData's main buffer, in MuJoCo's
// order.
template <typename Visitor>
void VisitNumbers(const mjModel& model, const mjData& data, Visitor visit) {
#define X(type, name, rows, columns) \
  VisitIfNumeric(data.name, static_cast<size_t>(model.rows) * (columns), visit);
#undef XNV
#define XNV X
  MJDATA_POINTERS
#undef X
}

size_t CountNumbers(const mjModel& model, const mjData& data) {
  size_t total = 0;
  VisitNumbers(model, data, [&total](absl::Span<mjtNum> array) { total += array.size(); });
  return total;
}

}  // namespace

void SaveMujocoState(const mjModel& model, const mjData& data, ByteWriter* out) {
  std::vector<double> numbers;
  numbers.reserve(CountNumbers(model, data));
  VisitNumbers(model, data, [&numbers](absl::Span<mjtNum> array) {
    numbers.insert(numbers.end(), array.begin(), array.end());
  });
  out->Pod(data.time);
  out->Vector(numbers);
  out->Vector(absl::Span<const mjtByte>(data.eq_active, model.neq));
}

absl::Status ReadMujocoState(const mjModel& model, ByteReader* in, MujocoState* state) {
  const mjData no_data{};
  in->Pod(&state->time);
  in->Vector(&state->numbers);
  in->Vector(&state->equality_active);
  if (!in->ok()) return absl::DataLossError("simulator state is truncated");
  const size_t wanted = CountNumbers(model, no_data);
  if (state->numbers.size() != wanted ||
      state->equality_active.size() != static_cast<size_t>(model.neq)) {
    return absl::DataLossError(absl::StrCat("simulator state holds ", state->numbers.size(),
                                            " numbers and ", state->equality_active.size(),
                                            " constraints, this model needs ", wanted, " and ",
                                            model.neq, "; it was saved with another model"));
  }
  for (const mjtByte active : state->equality_active) {
    if (active > 1) return absl::DataLossError("simulator state has a constraint flag above 1");
  }
  return absl::OkStatus();
}

void ApplyMujocoState(const mjModel& model, const MujocoState& state, mjData* data) {
  data->time = state.time;
  const double* next = state.numbers.data();
  VisitNumbers(model, *data, [&next](absl::Span<mjtNum> array) {
    std::copy(next, next + array.size(), array.begin());
    next += array.size();
  });
  std::copy(state.equality_active.begin(), state.equality_active.end(), data->eq_active);
}

}  // namespace pmoe
