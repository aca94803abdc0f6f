#include "actor/env/gym/gym_spec.h"

#include <algorithm>
#include <cstring>

#include "absl/memory/memory.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

using Json = nlohmann::json;

std::vector<std::string> Strings(const Json& list) {
  std::vector<std::string> texts;
  for (const Json& text : list) texts.push_back(text.is_string() ? text.get<std::string>() : "");
  return texts;
}

std::vector<double> Doubles(const Json& list) {
  std::vector<double> numbers;
  for (const Json& number : list) numbers.push_back(number.is_number() ? number.get<double>() : 0);
  return numbers;
}

}  // namespace

void GymSpec::Texts::Point() {
  for (const std::string& text : texts) pointers.push_back(text.c_str());
}

absl::StatusOr<std::unique_ptr<GymSpec>> GymSpec::Parse(absl::string_view json) {
  const Json said = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  auto spec = absl::WrapUnique(new GymSpec());
  if (!said.is_object() || !said.contains("low") || !said.contains("facts")) {
    return absl::InvalidArgumentError(
        absl::StrCat("pmoe_gym.py says ", json.substr(0, 200), ", which is no spec"));
  }
  spec->low_ = Doubles(said["low"]);
  spec->high_ = Doubles(said["high"]);
  spec->obs_names_.texts = Strings(said["obs_names"]);
  spec->action_names_.texts = Strings(said["action_names"]);
  for (const auto& [name, value] : said["facts"].items()) {
    spec->fact_names_.texts.push_back(name);
    spec->fact_values_.texts.push_back(value.is_string() ? value.get<std::string>() : "");
  }
  for (Texts* texts :
       {&spec->obs_names_, &spec->action_names_, &spec->fact_names_, &spec->fact_values_}) {
    texts->Point();
  }
  PmoeEnvSpec& out = spec->spec_;
  out.obs_dim = said.value("obs_dim", 0);
  out.action_dim = static_cast<int32_t>(std::min(spec->low_.size(), spec->high_.size()));
  out.action_low = spec->low_.data();
  out.action_high = spec->high_.data();
  out.max_episode_steps = said.value("max_episode_steps", 0);
  out.step_s = said.value("step_s", 0.0);
  const auto names = [](const Texts& texts, int size) {
    return texts.pointers.size() == static_cast<size_t>(size) ? texts.pointers.data() : nullptr;
  };
  out.obs_names = names(spec->obs_names_, out.obs_dim);
  out.action_names = names(spec->action_names_, out.action_dim);
  out.fact_names = spec->fact_names_.pointers.data();
  out.fact_values = spec->fact_values_.pointers.data();
  out.n_facts = static_cast<int32_t>(spec->fact_names_.pointers.size());
  return spec;
}

GymRequest GymRequest::Of(const PmoeEnvArgs& args) {
  GymRequest request;
  Json keywords = Json::parse(args.json, nullptr, /*allow_exceptions=*/false);
  for (int32_t i = 0; i < args.n; ++i) {
    if (std::strcmp(args.names[i], kGymIdArg) == 0) request.id = args.values[i];
    if (std::strcmp(args.names[i], kGymPythonArg) == 0) request.python = args.values[i];
  }
  keywords.erase(kGymIdArg);
  keywords.erase(kGymPythonArg);
  request.keywords = keywords.dump();
  request.will_render = args.will_render != 0;
  return request;
}

void TellWhy(absl::string_view text, PmoeError* error) {
  if (error->size == 0) return;
  const size_t size = std::min(text.size(), error->size - 1);
  std::memcpy(error->text, text.data(), size);
  error->text[size] = '\0';
}

void TellLines(absl::string_view lines, void (*tell)(void* to, const char* name, double value),
               void* to) {
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> pair = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    double value = 0.0;
    if (pair.size() == 2 && absl::SimpleAtod(pair[1], &value)) tell(to, pair[0].c_str(), value);
  }
}

}  // namespace pmoe
