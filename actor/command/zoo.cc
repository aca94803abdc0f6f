#include "actor/command/zoo.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/package.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> ZooNames(const std::string& zoo) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(zoo, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    const bool finished = name.front() != '.';  // make_zoo.py renames what is whole
    if (finished && fs::is_regular_file(it->path() / "config.textproto", ignored)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

absl::StatusOr<std::string> ZooRun(const std::string& name) {
  const std::string zoo = ZooFolder();
  const std::vector<std::string> names = ZooNames(zoo);
  if (names.empty()) {
    return absl::NotFoundError(
        absl::StrCat("--zoo ", name, ": there are no policies in ", zoo,
                     "; the folder zoo comes with a checkout: name it by PMOE_ZOO=FOLDER"));
  }
  // Only names that were listed: no path leads out of the folder.
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return absl::NotFoundError(absl::StrCat("--zoo must name one of the policies in ", zoo,
                                            ", got \"", name,
                                            "\"; there are: ", absl::StrJoin(names, ", ")));
  }
  return absl::StrCat(zoo, "/", name);
}

}  // namespace pmoe
