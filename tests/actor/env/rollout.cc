#include "tests/actor/env/rollout.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <optional>

#include "actor/env/registry.h"

namespace pmoe {
namespace {

void AppendBits(const std::vector<double>& values, std::vector<uint64_t>* bits) {
  for (const double value : values) bits->push_back(std::bit_cast<uint64_t>(value));
}

void ResetInto(Env* env, std::optional<uint64_t> seed, std::vector<uint64_t>* bits) {
  std::vector<double> obs(env->spec().obs_dim);
  env->Reset(seed, absl::MakeSpan(obs));
  AppendBits(obs, bits);
}

}  // namespace

std::unique_ptr<Env> MustMake(const std::string& id,
                              const std::map<std::string, std::string>& args) {
  auto env = MakeEnv(id, args, "");
  if (!env.ok()) {
    ADD_FAILURE() << env.status();
    std::abort();
  }
  return *std::move(env);
}

std::vector<uint64_t> Roll(Env* env, Pcg64* actions, int steps) {
  const EnvSpec& spec = env->spec();
  std::vector<double> action(spec.action_dim);
  std::vector<double> obs(spec.obs_dim);
  std::vector<uint64_t> bits;
  for (int step = 0; step < steps; ++step) {
    for (int i = 0; i < spec.action_dim; ++i) {
      action[i] = actions->Uniform(1.2 * spec.action_low[i], 1.2 * spec.action_high[i]);
    }
    const StepResult result = env->Step(action, absl::MakeSpan(obs));
    AppendBits(obs, &bits);
    AppendBits({result.reward}, &bits);
    bits.push_back(2 * result.terminated + result.truncated);
    if (result.done()) ResetInto(env, std::nullopt, &bits);
  }
  return bits;
}

std::vector<uint64_t> ResetBits(Env* env, uint64_t seed) {
  std::vector<uint64_t> bits;
  ResetInto(env, seed, &bits);
  return bits;
}

std::string Saved(const Env& env) {
  ByteWriter out;
  env.SaveState(&out);
  return out.Take();
}

absl::Status Load(Env* env, absl::string_view bytes) {
  ByteReader in(bytes);
  return env->LoadState(&in);
}

}  // namespace pmoe
