// A part of pmoe that a user may want, what it needs of this machine, and whether it works here.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace pmoe {

struct Need {
  std::string name;
  bool ok = true;
  std::string found;  // what is there, or what is wrong
  std::string fix;    // what to do; of one that is not ok
};

// The part at work, on something small.
struct Trial {
  bool ok = false;
  std::string said;  // what it did, or what went wrong
  double seconds = 0.0;
};

struct Part {
  std::string name;  // of --for
  std::string does;
  bool asked = false;
  std::vector<Need> needs;
  std::optional<Trial> trial;  // of a part that was asked for and has all that it needs

  bool ok() const {
    const bool has_all =
        std::all_of(needs.begin(), needs.end(), [](const Need& need) { return need.ok; });
    return has_all && (!trial.has_value() || trial->ok);
  }
};

}  // namespace pmoe
