#include "actor/env/gym/python_interpreter.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/build_info.h"
#include "common/base/mutex.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

using Json = nlohmann::json;

// Prints a line of JSON. Where libpython lies is told by several variables, each of which is wrong
// somewhere: a virtual environment, Debian, conda, a Python that was moved.
constexpr char kQuestions[] =
    "import json, os, sys, sysconfig\n"
    "get = sysconfig.get_config_var\n"
    "name = 'libpython%d.%d.so' % sys.version_info[:2]\n"
    "names = [n for n in (get('INSTSONAME'), get('LDLIBRARY'), name + '.1.0', name)"
    " if n and '.so' in n]\n"
    "folders = [f for f in (get('LIBDIR'), os.path.join(sys.base_prefix, 'lib'),"
    " os.path.join('/usr/lib', get('MULTIARCH') or '')) if f]\n"
    "found = [p for f in folders for n in names for p in [os.path.join(f, n)]"
    " if os.path.exists(p)]\n"
    "print(json.dumps({'executable': sys.executable, 'version': list(sys.version_info[:3]),"
    " 'library': found[0] if found else ''}))\n";

std::string Quoted(const std::string& word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

absl::StatusOr<std::string> Answer(const std::string& python) {
  const std::string command =
      absl::StrCat("exec ", Quoted(python), " -c ", Quoted(kQuestions), " 2>&1 </dev/null");
  std::FILE* const pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return absl::InternalError("cannot start Python");
  std::string text(8192, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), pipe));
  const int status = ::pclose(pipe);
  if (status == 0) return text;
  return absl::FailedPreconditionError(
      absl::StrCat("the Python ", python, " cannot be run: ", text.substr(0, 500)));
}

absl::StatusOr<PythonInterpreter> Ask(const std::string& python) {
  PMOE_ASSIGN_OR_RETURN(const std::string text, Answer(python));
  const Json answer = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("version")) {
    return absl::FailedPreconditionError(
        absl::StrCat(python, " is no Python: it says ", text.substr(0, 200)));
  }
  const auto version = answer["version"].get<std::array<int, 3>>();
  PythonInterpreter found;
  found.executable = answer["executable"];
  found.version = absl::StrCat(version[0], ".", version[1], ".", version[2]);
  found.library = answer["library"];
  if (version[0] == 3 && version[1] >= 10) return found;
  return absl::FailedPreconditionError(absl::StrCat(
      python, " is Python ", found.version,
      "; gym: needs 3.10 or newer: name another by --python, or make a virtual environment of it"));
}

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// And where the name comes from, for errors.
std::string Choose(const std::string& wanted, std::string* source) {
  *source = "--python";
  if (!wanted.empty()) return wanted;
  *source = "PMOE_PYTHON";
  if (!Variable("PMOE_PYTHON").empty()) return Variable("PMOE_PYTHON");
  *source = "VIRTUAL_ENV";
  if (!Variable("VIRTUAL_ENV").empty()) return Variable("VIRTUAL_ENV") + "/bin/python3";
  *source = "";
  return WheelPython();
}

}  // namespace

absl::StatusOr<PythonInterpreter> FindPython(const std::string& wanted) {
  std::string source;
  const std::string python = Choose(wanted, &source);
  if (python.empty()) {
    return absl::NotFoundError(
        "gym: needs a Python with Gymnasium, and none is known here: name one by "
        "--python /path/to/python3");
  }
  if (absl::StrContains(python, '/') && ::access(python.c_str(), X_OK) != 0) {
    return absl::NotFoundError(
        absl::StrCat(python, source.empty() ? "" : absl::StrCat(" (", source, ")"),
                     " is no program: name a Python that has Gymnasium by --python"));
  }
  static Mutex mu;
  static auto& known = *new std::map<std::string, PythonInterpreter>();
  MutexLock lock(&mu);
  const auto found = known.find(python);
  if (found != known.end()) return found->second;
  PMOE_ASSIGN_OR_RETURN(known[python], Ask(python));
  return known[python];
}

absl::StatusOr<std::string> GymScript(const std::string& name) {
  const std::string path = BinaryPath(name);
  if (::access(path.c_str(), R_OK) == 0) return path;
  return absl::NotFoundError(absl::StrCat("there is no ", path, ": ", HowToMend()));
}

}  // namespace pmoe
