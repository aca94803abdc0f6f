#include "common/base/package.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/build_info.h"
#include "common/base/file.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string FindPackageFolder() {
  const fs::path folder = fs::path(BinaryPath("")).parent_path().parent_path();
  std::error_code ignored;
  return fs::is_regular_file(folder / "package.txt", ignored) ? folder.string() : "";
}

// The virtual environment's, whatever Python's version is.
std::string SitePackagesOf(const fs::path& deps) {
  const fs::path lib = deps / "venv" / "lib";
  std::error_code error;
  for (fs::directory_iterator it(lib, error), end; !error && it != end; it.increment(error)) {
    const fs::path site = it->path() / "site-packages";
    std::error_code ignored;
    if (fs::is_directory(site, ignored)) return site.string();
  }
  return (lib / "python3" / "site-packages").string();
}

}  // namespace

std::string PackageFolder() {
  static const auto& folder = *new std::string(FindPackageFolder());
  return folder;
}

std::string SitePackages() {
  if (!PackageFolder().empty()) return fs::path(PackageFolder()).parent_path().string();
  const std::string deps = Variable("PMOE_DEPS");
  return deps.empty() ? PMOE_SITE_PACKAGES : SitePackagesOf(deps);
}

std::string WheelPython() {
  const std::string given = Variable("PMOE_PYTHON");
  if (!given.empty()) return given;
  if (PackageFolder().empty()) return PMOE_VENV_PYTHON;
  // PREFIX/lib/python3.N/site-packages is what PREFIX/bin/python3 sees; a bundle lies elsewhere.
  const fs::path library = fs::path(SitePackages()).parent_path();
  const fs::path python = library.parent_path().parent_path() / "bin" / "python3";
  std::error_code ignored;
  const bool beside = absl::StartsWith(library.filename().string(), "python3");
  return beside && fs::exists(python, ignored) ? python.string() : "";
}

std::string PythonFolder() {
  return PackageFolder().empty() ? PMOE_PYTHON_SOURCES : PackageFolder();
}

std::string ZooFolder() {
  const std::string given = Variable("PMOE_ZOO");
  if (!given.empty()) return given;
  return PackageFolder().empty() ? PMOE_ZOO_SOURCES : PackageFolder() + "/zoo";
}

std::string UserCommand() { return PackageFolder().empty() ? "./pmoe" : "pmoe"; }

std::string HowToMend() {
  if (PackageFolder().empty()) return "./pmoe build makes it";
  return "install pmoe again: pip install --force-reinstall --no-deps pmoe-*.whl, or unpack the "
         "bundle anew";
}

std::string WantedVersion(const std::string& wheel) {
  if (PackageFolder().empty()) return "";
  const absl::StatusOr<std::string> text = ReadFile(PackageFolder() + "/package.txt");
  if (!text.ok()) return "";
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (absl::ConsumePrefix(&line, absl::StrCat("wheel ", wheel, " "))) {
      return std::string(absl::StripAsciiWhitespace(line));
    }
  }
  return "";
}

std::string FoundVersion(const std::string& wheel) {
  std::error_code error;
  for (fs::directory_iterator it(SitePackages(), error), end; !error && it != end;
       it.increment(error)) {
    const std::string file = it->path().filename().string();
    absl::string_view name = file;
    if (!absl::ConsumeSuffix(&name, ".dist-info")) continue;
    if (absl::ConsumePrefix(&name, wheel + "-")) return std::string(name);
  }
  return "";
}

}  // namespace pmoe
