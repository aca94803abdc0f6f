#include "actor/env/mujoco_state.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
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

// Whether a stage is computed for sensors or for the energy, which later ones then need not repeat.
bool HasLazyStages(const mjModel& model) {
  return model.nsensor > 0 || (model.opt.enableflags & mjENBL_ENERGY) != 0;
}

LazyStages LazyStagesOf(const mjData& data) {
  return {std::to_array(data.energy),
          {data.flg_energypos, data.flg_energyvel, data.flg_subtreevel, data.flg_rnepost}};
}

void SetLazyStages(const LazyStages& lazy, mjData* data) {
  std::copy(lazy.energy.begin(), lazy.energy.end(), data->energy);
  data->flg_energypos = lazy.done[0];
  data->flg_energyvel = lazy.done[1];
  data->flg_subtreevel = lazy.done[2];
  data->flg_rnepost = lazy.done[3];
}

absl::Span<double> Arena(const mjData& data) {
  return {static_cast<double*>(data.arena), static_cast<size_t>(data.narena) / sizeof(double)};
}

// What lies below `parena` is written anew before it is read. Words too small for a normal number
// are MuJoCo's integers and addresses: no direction of a contact, and not the same in equal runs.
Scratch ScratchOf(const mjData& data) {
  Scratch scratch;
  const absl::Span<const double> arena = Arena(data);
  for (size_t i = data.parena / sizeof(double); i < arena.size(); ++i) {
    if (arena[i] == 0.0 || std::fpclassify(arena[i]) == FP_SUBNORMAL) continue;
    scratch.places.push_back(static_cast<uint32_t>(i));
    scratch.words.push_back(arena[i]);
  }
  return scratch;
}

absl::Status ReadScratch(const mjModel& model, ByteReader* in, Scratch* scratch) {
  in->Vector(&scratch->places);
  in->Vector(&scratch->words);
  if (!in->ok()) return absl::DataLossError("simulator state is truncated");
  const std::vector<uint32_t>& places = scratch->places;
  const bool ascends = std::adjacent_find(places.begin(), places.end(),
                                          std::greater_equal<uint32_t>()) == places.end();
  const bool fits = places.empty() || places.back() < model.narena / sizeof(double);
  if (ascends && fits && places.size() == scratch->words.size()) return absl::OkStatus();
  return absl::DataLossError("simulator state has scratch memory that this model has not");
}

void SetScratch(const Scratch& scratch, mjData* data) {
  const absl::Span<double> arena = Arena(*data);
  std::fill(arena.begin(), arena.end(), 0.0);
  for (size_t i = 0; i < scratch.places.size(); ++i) arena[scratch.places[i]] = scratch.words[i];
}

// Where a buffer of delayed values lies in mjData's history: a time of MuJoCo's own, the newest
// sample's index, the samples' times, the samples.
struct DelayBuffer {
  int address;
  int samples;
};

std::vector<DelayBuffer> DelayBuffers(const mjModel& model) {
  std::vector<DelayBuffer> buffers;
  for (int i = 0; i < model.nu; ++i) {
    buffers.push_back({model.actuator_historyadr[i], model.actuator_history[2 * i]});
  }
  for (int i = 0; i < model.nsensor; ++i) {
    buffers.push_back({model.sensor_historyadr[i], model.sensor_history[2 * i]});
  }
  std::erase_if(buffers, [](const DelayBuffer& b) { return b.address < 0 || b.samples <= 0; });
  return buffers;
}

// MuJoCo uses the index as it is and searches the times by halves.
bool IsSound(const DelayBuffer& buffer, absl::Span<const double> history) {
  const double newest = history[buffer.address + 1];
  if (!(newest >= 0 && newest < buffer.samples) || newest != std::floor(newest)) return false;
  const absl::Span<const double> times = history.subspan(buffer.address + 2, buffer.samples);
  for (int i = 1; i <= buffer.samples; ++i) {
    const double time = times[(static_cast<int>(newest) + i) % buffer.samples];
    const double before = times[(static_cast<int>(newest) + i - 1) % buffer.samples];
    if (!std::isfinite(time) || (i > 1 && !(before < time))) return false;
  }
  return true;
}

// mjData's history among a state's numbers.
absl::Span<const double> History(const mjModel& model, absl::Span<const double> numbers) {
  mjData at{};
  absl::Span<const double> found;
  mjtNum mark = 0;
  at.history = &mark;
  size_t begin = 0;
  VisitNumbers(model, at, [&](absl::Span<mjtNum> array) {
    if (array.data() == &mark) found = numbers.subspan(begin, array.size());
    begin += array.size();
  });
  return found;
}

absl::Status CheckDelays(const mjModel& model, absl::Span<const double> numbers) {
  if (model.nhistory == 0) return absl::OkStatus();
  const absl::Span<const double> history = History(model, numbers);
  for (const DelayBuffer& buffer : DelayBuffers(model)) {
    if (!IsSound(buffer, history)) {
      return absl::DataLossError("simulator state has an impossible buffer of delayed values");
    }
  }
  return absl::OkStatus();
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
  if (HasLazyStages(model)) {
    const LazyStages lazy = LazyStagesOf(data);
    out->Pod(lazy.energy);
    out->Pod(lazy.done);
  }
  if (model.nflex == 0) return;
  const Scratch scratch = ScratchOf(data);
  out->Vector(scratch.places);
  out->Vector(scratch.words);
}

absl::Status ReadMujocoState(const mjModel& model, ByteReader* in, MujocoState* state) {
  const mjData no_data{};
  in->Pod(&state->time);
  in->Vector(&state->numbers);
  in->Vector(&state->equality_active);
  if (HasLazyStages(model)) {
    in->Pod(&state->lazy.energy);
    in->Pod(&state->lazy.done);
  }
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
  for (const mjtByte done : state->lazy.done) {
    if (done > 1) return absl::DataLossError("simulator state has a stage's flag above 1");
  }
  if (model.nflex > 0) PMOE_RETURN_IF_ERROR(ReadScratch(model, in, &state->scratch));
  return CheckDelays(model, state->numbers);
}

void ApplyMujocoState(const mjModel& model, const MujocoState& state, mjData* data) {
  data->time = state.time;
  const double* next = state.numbers.data();
  VisitNumbers(model, *data, [&next](absl::Span<mjtNum> array) {
    std::copy(next, next + array.size(), array.begin());
    next += array.size();
  });
  std::copy(state.equality_active.begin(), state.equality_active.end(), data->eq_active);
  if (HasLazyStages(model)) SetLazyStages(state.lazy, data);
  if (model.nflex > 0) SetScratch(state.scratch, data);
}

}  // namespace pmoe
