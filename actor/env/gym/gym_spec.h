// What pmoe_gym.py says of an environment, kept as the C interface wants it. Immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "actor/env/pmoe_env.h"

namespace pmoe {

class GymSpec {
 public:
  // InvalidArgumentError: `json` is not what Host.spec gives.
  static absl::StatusOr<std::unique_ptr<GymSpec>> Parse(absl::string_view json);
  GymSpec(const GymSpec&) = delete;
  GymSpec& operator=(const GymSpec&) = delete;

  // Its arrays are this object's.
  const PmoeEnvSpec& get() const { return spec_; }

 private:
  GymSpec() = default;
  // The texts and pointers to them.
  struct Texts {
    void Point();
    std::vector<std::string> texts;
    std::vector<const char*> pointers;
  };

  PmoeEnvSpec spec_{};
  std::vector<double> low_, high_;
  Texts obs_names_, action_names_, fact_names_, fact_values_;
};

// What an environment is made of: `id` for Gymnasium, the keyword arguments as a JSON object.
struct GymRequest {
  // Of what MakeGymEnv gave to the plugin.
  static GymRequest Of(const PmoeEnvArgs& args);
  std::string id;
  std::string python;  // --python
  std::string keywords;
  bool will_render = false;
};
inline constexpr char kGymIdArg[] = "pmoe.id";
inline constexpr char kGymPythonArg[] = "pmoe.python";

// Into a plugin's error, cut to its room.
void TellWhy(absl::string_view text, PmoeError* error);
// Calls `tell` for each line "name value".
void TellLines(absl::string_view lines, void (*tell)(void* to, const char* name, double value),
               void* to);

}  // namespace pmoe
