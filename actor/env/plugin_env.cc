#include "actor/env/plugin_env.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "actor/env/env_state.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

using Json = nlohmann::json;

constexpr int kDimensionMax = 1 << 20;
constexpr int kFactsMax = 1000;
constexpr int kImageSideMax = 1 << 14;
constexpr size_t kErrorBytes = 16 << 10;  // a traceback

// Memory for what a plugin has to say of its failure.
class ErrorText {
 public:
  PmoeError* get() { return &error_; }
  std::string text() {
    text_.back() = '\0';
    return text_.c_str();
  }

 private:
  std::string text_ = std::string(kErrorBytes, '\0');
  PmoeError error_ = {text_.data(), text_.size()};
};

// A value that is JSON by itself is that, every other one is a string.
std::string ToJson(const std::map<std::string, std::string>& args) {
  Json object = Json::object();
  for (const auto& [name, value] : args) {
    Json parsed = Json::parse(value, nullptr, /*allow_exceptions=*/false);
    object[name] = parsed.is_discarded() ? Json(value) : std::move(parsed);
  }
  return object.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

std::vector<std::string> Names(const char* const* names, int n) {
  std::vector<std::string> result;
  for (int i = 0; names != nullptr && i < n; ++i) {
    result.emplace_back(names[i] == nullptr ? "" : names[i]);
  }
  return result;
}

void Tell(void* to, const char* name, double value) {
  if (name == nullptr || !std::isfinite(value)) return;
  (*static_cast<std::map<std::string, double>*>(to))[name] = value;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> PluginEnv::Create(const EnvRequest& request) {
  const std::string path = request.id.substr(sizeof(kPluginPrefix) - 1);
  PMOE_ASSIGN_OR_RETURN(const PluginLibrary library, PluginLibrary::Load(path));
  return CreateIn(library, request, request.args);
}

absl::StatusOr<std::unique_ptr<Env>> PluginEnv::CreateIn(
    const PluginLibrary& library, const EnvRequest& request,
    const std::map<std::string, std::string>& args) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : args) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  const std::string json = ToJson(args);
  const PmoeEnvArgs given = {.names = names.data(),
                             .values = values.data(),
                             .n = static_cast<int32_t>(names.size()),
                             .json = json.c_str(),
                             .will_render = request.will_render ? 1 : 0};
  ErrorText error;
  void* const env = library.Create(given, error.get());
  if (env == nullptr) {
    const std::string why = error.text();
    return absl::InvalidArgumentError(
        absl::StrCat(request.id, ": ", why.empty() ? "the plugin refuses to start" : why));
  }
  auto made = absl::WrapUnique(new PluginEnv(library.functions(), env));
  PMOE_RETURN_IF_ERROR(made->ReadSpec(request));
  return made;
}

absl::Status PluginEnv::ReadSpec(const EnvRequest& request) {
  PmoeEnvSpec spec{};
  functions_.spec(env_, &spec);
  if (spec.obs_dim < 1 || spec.obs_dim > kDimensionMax || spec.action_dim < 1 ||
      spec.action_dim > kDimensionMax || spec.max_episode_steps < 0 || spec.n_facts < 0 ||
      spec.n_facts > kFactsMax || !(spec.step_s >= 0.0)) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.id, ": the plugin's spec has obs_dim ", spec.obs_dim, ", action_dim ",
                     spec.action_dim, ", max_episode_steps ", spec.max_episode_steps, ", step_s ",
                     spec.step_s, " and n_facts ", spec.n_facts));
  }
  PMOE_RETURN_IF_ERROR(ReadBounds(request, spec));
  spec_.id = request.id;
  spec_.args = request.args;
  spec_.obs_dim = spec.obs_dim;
  spec_.action_dim = spec.action_dim;
  spec_.max_episode_steps = spec.max_episode_steps;
  step_s_ = spec.step_s;
  obs_names_ = Names(spec.obs_names, spec.obs_dim);
  action_names_ = Names(spec.action_names, spec.action_dim);
  const std::vector<std::string> facts = Names(spec.fact_names, spec.n_facts);
  const std::vector<std::string> values = Names(spec.fact_values, spec.n_facts);
  for (size_t i = 0; i < std::min(facts.size(), values.size()); ++i) facts_[facts[i]] = values[i];
  return absl::OkStatus();
}

absl::Status PluginEnv::ReadBounds(const EnvRequest& request, const PmoeEnvSpec& spec) {
  const auto fail = [&](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(request.id, ": the plugin's spec ", what...));
  };
  if (spec.action_low == nullptr || spec.action_high == nullptr) return fail("has no bounds");
  for (int i = 0; i < spec.action_dim; ++i) {
    const double low = spec.action_low[i], high = spec.action_high[i];
    if (!(low < high) || !std::isfinite(high - low)) {
      return fail("bounds action ", i, " by ", low, " and ", high);
    }
  }
  spec_.action_low.assign(spec.action_low, spec.action_low + spec.action_dim);
  spec_.action_high.assign(spec.action_high, spec.action_high + spec.action_dim);
  return absl::OkStatus();
}

absl::Status PluginEnv::Failed(const char* what, const std::string& text) const {
  return absl::FailedPreconditionError(
      absl::StrCat(spec_.id, ": ", what, " failed: ", text.empty() ? "no reason given" : text));
}

void PluginEnv::Reset(std::optional<uint64_t> seed, absl::Span<double> obs) {
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec_.obs_dim));
  ErrorText error;
  error_ = absl::OkStatus();
  if (functions_.reset(env_, seed.has_value() ? 1 : 0, seed.value_or(0), obs.data(), error.get()) ==
      0) {
    error_ = Failed("reset", error.text());
    std::fill(obs.begin(), obs.end(), std::numeric_limits<double>::quiet_NaN());
  }
  elapsed_steps_ = 0;
  saved_.clear();
  was_reset_ = error_.ok();
}

void PluginEnv::BeginStep(absl::Span<const double> action) {
  if (functions_.begin_step != nullptr && was_reset_) functions_.begin_step(env_, action.data());
}

StepResult PluginEnv::Step(absl::Span<const double> action, absl::Span<double> obs) {
  PMOE_CHECK(was_reset_ && action.size() == static_cast<size_t>(spec_.action_dim));
  PMOE_CHECK(obs.size() == static_cast<size_t>(spec_.obs_dim));
  PmoeStep step{};
  thread_local ErrorText error;
  ++elapsed_steps_;
  saved_.clear();
  if (functions_.step(env_, action.data(), obs.data(), &step, error.get()) == 0) {
    error_ = Failed("step", error.text());
    error.get()->text[0] = '\0';
    was_reset_ = false;
    std::fill(obs.begin(), obs.end(), std::numeric_limits<double>::quiet_NaN());
    return {.reward = 0.0, .terminated = false, .truncated = true, .diverged = true};
  }
  const int limit = spec_.max_episode_steps;
  return {.reward = step.reward,
          .terminated = step.terminated != 0,
          .truncated = step.truncated != 0 || (limit > 0 && elapsed_steps_ >= limit)};
}

std::map<std::string, double> PluginEnv::Info() const {
  std::map<std::string, double> info;
  if (functions_.info != nullptr && was_reset_) functions_.info(env_, &Tell, &info);
  return info;
}

absl::StatusOr<EnvImage> PluginEnv::Render() const {
  if (functions_.render == nullptr) return Env::Render();
  PmoeImage image{};
  ErrorText error;
  if (functions_.render(env_, &image, error.get()) == 0) return Failed("render", error.text());
  if (image.width < 1 || image.height < 1 || image.width > kImageSideMax ||
      image.height > kImageSideMax || image.rgb == nullptr) {
    return Failed("render", absl::StrCat("its picture is ", image.width, " x ", image.height));
  }
  const size_t bytes = size_t{3} * static_cast<size_t>(image.width) * image.height;
  return EnvImage{image.width, image.height, {image.rgb, bytes}};
}

// Asks once, for SaveState as well: somebody's code may say yes and then fail.
bool PluginEnv::can_save() const {
  saved_.clear();
  if (functions_.save == nullptr || !was_reset_) return false;
  saved_.resize(functions_.save(env_, nullptr, 0));
  if (functions_.save(env_, saved_.data(), saved_.size()) != saved_.size()) saved_.clear();
  return !saved_.empty();
}

void PluginEnv::SaveState(ByteWriter* out) const {
  if (saved_.empty()) PMOE_CHECK(can_save());
  const std::string bytes = std::exchange(saved_, "");
  ByteWriter state;
  state.Pod(elapsed_steps_);
  state.String(bytes);
  WriteEnvState(EnvIdentity(spec_, ""), state.Take(), out);
}

absl::Status PluginEnv::LoadState(ByteReader* in) {
  const absl::StatusOr<std::string> whole = ReadEnvState(EnvIdentity(spec_, ""), in);
  if (!whole.ok()) return whole.status();
  ByteReader state(*whole);
  int64_t elapsed_steps = 0;
  std::string bytes;
  state.Pod(&elapsed_steps);
  state.String(&bytes);
  PMOE_RETURN_IF_ERROR(state.Finish("environment state"));
  if (elapsed_steps < 0 || elapsed_steps > kElapsedStepsMax) {
    return absl::DataLossError("environment state has an impossible step counter");
  }
  if (functions_.load == nullptr || functions_.load(env_, bytes.data(), bytes.size()) == 0) {
    return absl::DataLossError(spec_.id + " refuses its saved state");
  }
  elapsed_steps_ = elapsed_steps;
  was_reset_ = true;
  error_ = absl::OkStatus();
  return absl::OkStatus();
}

}  // namespace pmoe
