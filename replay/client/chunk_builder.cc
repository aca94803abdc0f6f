#include "replay/client/chunk_builder.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

bool IsWide(size_t got, int want) { return got == static_cast<size_t>(want); }

absl::Status CheckWidth(absl::string_view column, size_t got, int want) {
  if (IsWide(got, want)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(column, " must hold ", want, " values, got ", got));
}

absl::Status CheckWidths(const TableSpec& spec, const Transition& transition) {
  if (IsWide(transition.obs.size(), spec.obs_dim) &&
      IsWide(transition.next_obs.size(), spec.obs_dim) &&
      IsWide(transition.action.size(), spec.action_dim) &&
      IsWide(transition.extra.size(), spec.extra_dim)) {
    return absl::OkStatus();  // each row comes here
  }
  PMOE_RETURN_IF_ERROR(CheckWidth("obs", transition.obs.size(), spec.obs_dim));
  PMOE_RETURN_IF_ERROR(CheckWidth("action", transition.action.size(), spec.action_dim));
  PMOE_RETURN_IF_ERROR(CheckWidth("next_obs", transition.next_obs.size(), spec.obs_dim));
  return CheckWidth("extra", transition.extra.size(), spec.extra_dim);
}

// Row `row` of a column; a column without width has no memory.
void Put(absl::Span<const float> values, uint32_t row, std::vector<float>* column) {
  if (values.empty()) return;
  std::memcpy(column->data() + row * values.size(), values.data(), values.size() * sizeof(float));
}

void Resize(const TableSpec& spec, size_t rows, Chunk* chunk) {
  chunk->observations.resize((rows + 1) * static_cast<size_t>(spec.obs_dim));
  chunk->actions.resize(rows * static_cast<size_t>(spec.action_dim));
  chunk->extra.resize(rows * static_cast<size_t>(spec.extra_dim));
  chunk->rewards.resize(rows);
  chunk->terminated.resize(rows);
  chunk->truncated.resize(rows);
  chunk->policy_version.resize(rows);
}

}  // namespace

absl::Status ChunkBuilderOptions::Validate() const {
  if (rows_max < 1 || rows_max > kPageRows) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows_max of a chunk must be in [1, ", kPageRows, "], got ", rows_max));
  }
  if (envs >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("actor.envs must be >= 1, got ", envs, "; an actor steps at least one"));
}

ChunkBuilder::ChunkBuilder(const ChunkBuilderOptions& options, const TableSpec& spec, Sink sink)
    : options_(options),
      spec_(spec),
      sink_(std::move(sink)),
      round_(options.first_round),
      envs_(static_cast<size_t>(options.envs)) {}

absl::Status ChunkBuilder::Check(uint32_t env, const Transition& transition) const {
  if (env >= envs_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("env must be < ", envs_.size(), ", got ", env));
  }
  PMOE_RETURN_IF_ERROR(CheckWidths(spec_, transition));
  const EnvState& state = envs_[env];
  const size_t bytes = transition.obs.size() * sizeof(float);
  if (state.in_episode && std::memcmp(Head(state), transition.obs.data(), bytes) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("env ", env, " step ", state.next_step + state.chunk.rows,
                     ": obs is not next_obs of the step before, and the episode has not ended"));
  }
  return absl::OkStatus();
}

absl::Status ChunkBuilder::Add(uint32_t env, const Transition& transition) {
  PMOE_RETURN_IF_ERROR(Check(env, transition));
  EnvState& state = envs_[env];
  Chunk& chunk = state.chunk;
  if (chunk.rows == 0) {
    chunk.env = env;
    chunk.first_step = state.next_step;
    // A chunk's memory goes with it, so each is made in one piece and not grown row by row.
    Resize(spec_, static_cast<size_t>(options_.rows_max), &chunk);
    Put(transition.obs, 0, &chunk.observations);
  }
  const uint32_t row = chunk.rows;
  Put(transition.next_obs, row + 1, &chunk.observations);
  Put(transition.action, row, &chunk.actions);
  Put(transition.extra, row, &chunk.extra);
  chunk.rewards[row] = transition.reward;
  chunk.terminated[row] = transition.terminated ? 1 : 0;
  chunk.truncated[row] = transition.truncated ? 1 : 0;
  chunk.policy_version[row] = transition.policy_version;
  ++chunk.rows;
  state.in_episode = !transition.terminated && !transition.truncated;
  if (state.in_episode && chunk.rows < static_cast<uint32_t>(options_.rows_max))
    return absl::OkStatus();
  return SendBuffered(&state, /*last_of_round=*/false);
}

const float* ChunkBuilder::Head(const EnvState& state) const {
  if (state.chunk.rows == 0) return state.head.data();
  return state.chunk.observations.data() +
         size_t{state.chunk.rows} * static_cast<size_t>(spec_.obs_dim);
}

absl::Status ChunkBuilder::SendBuffered(EnvState* state, bool last_of_round) {
  state->head.assign(Head(*state), Head(*state) + spec_.obs_dim);
  Resize(spec_, state->chunk.rows, &state->chunk);
  state->next_step += state->chunk.rows;
  state->stale = false;
  return Send(std::exchange(state->chunk, Chunk{}), last_of_round);
}

absl::Status ChunkBuilder::Send(Chunk chunk, bool last_of_round) {
  chunk.member = options_.member;
  chunk.actor = options_.actor;
  chunk.epoch = options_.epoch;
  chunk.round = round_;
  chunk.last_of_round = last_of_round;
  chunk.seq = next_seq_++;
  return sink_(std::move(chunk));
}

absl::Status ChunkBuilder::EndRound(uint64_t round) {
  if (round != round_) {
    return absl::FailedPreconditionError(
        absl::StrCat("round ", round, " cannot end: the writer is in round ", round_));
  }
  EnvState* last = nullptr;
  for (EnvState& state : envs_) {
    if (state.chunk.rows == 0) continue;
    if (last != nullptr) PMOE_RETURN_IF_ERROR(SendBuffered(last, /*last_of_round=*/false));
    last = &state;
  }
  if (last != nullptr) {
    PMOE_RETURN_IF_ERROR(SendBuffered(last, /*last_of_round=*/true));
  } else {
    PMOE_RETURN_IF_ERROR(Send(Chunk{}, /*last_of_round=*/true));
  }
  ++round_;
  return absl::OkStatus();
}

absl::Status ChunkBuilder::Flush() {
  for (EnvState& state : envs_) {
    if (state.chunk.rows > 0) PMOE_RETURN_IF_ERROR(SendBuffered(&state, /*last_of_round=*/false));
  }
  return absl::OkStatus();
}

absl::Status ChunkBuilder::FlushStale() {
  for (EnvState& state : envs_) {
    if (state.stale) PMOE_RETURN_IF_ERROR(SendBuffered(&state, /*last_of_round=*/false));
    state.stale = state.chunk.rows > 0;
  }
  return absl::OkStatus();
}

bool ChunkBuilder::AbandonEpisode(uint32_t env) {
  EnvState& state = envs_.at(env);
  PMOE_CHECK(state.chunk.rows == 0);
  if (!std::exchange(state.in_episode, false)) return false;
  ++state.next_step;  // replay joins what follows without a gap
  return true;
}

void ChunkBuilder::SaveState(ByteWriter* out) const {
  out->Pod(next_seq_);
  out->Pod(round_);
  out->Pod(static_cast<uint64_t>(envs_.size()));
  for (const EnvState& state : envs_) {
    PMOE_CHECK(state.chunk.rows == 0);
    out->Pod(state.next_step);
    out->Pod(static_cast<uint8_t>(state.in_episode));
    out->Vector(state.head);
  }
}

absl::Status ChunkBuilder::LoadState(ByteReader* in) {
  uint64_t next_seq = 0;
  uint64_t round = 0;
  uint64_t envs = 0;
  in->Pod(&next_seq);
  in->Pod(&round);
  in->Pod(&envs);
  if (in->ok() && envs != envs_.size()) {
    return absl::FailedPreconditionError(absl::StrCat("the saved writer has ", envs,
                                                      " environments, this one ", envs_.size(),
                                                      "; set actor.envs"));
  }
  std::vector<EnvState> loaded(envs_.size());
  for (EnvState& state : loaded) {
    uint8_t in_episode = 0;
    in->Pod(&state.next_step);
    in->Pod(&in_episode);
    in->Vector(&state.head);
    state.in_episode = in_episode != 0;
    const bool sized = state.head.size() == static_cast<size_t>(spec_.obs_dim);
    if (!in->ok() || (state.in_episode && !sized)) {
      return absl::DataLossError("the state of a transition writer is truncated or damaged");
    }
  }
  next_seq_ = next_seq;
  round_ = round;
  envs_ = std::move(loaded);
  return absl::OkStatus();
}

}  // namespace pmoe
