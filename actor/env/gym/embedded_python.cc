#include "actor/env/gym/embedded_python.h"

#include <dlfcn.h>
#include <signal.h>

#include <array>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kFileInput = 257;  // Py_file_input

// Of this thread, kept between calls: making one costs more than a step of a small environment.
struct ThreadState {
  ~ThreadState() {
    if (state == nullptr || !ours) return;
    api->PyEval_RestoreThread(state);
    api->PyGILState_Release(1);  // PyGILState_UNLOCKED, what the first Ensure said
  }
  const PythonApi* api = nullptr;
  PyThreadState* state = nullptr;
  bool ours = false;  // the thread that started Python leaves its own to Python
};
thread_local ThreadState thread_state;

// Ctrl-C stays the run's, whatever a package does while it is imported.
class SignalKeeper {
 public:
  SignalKeeper() {
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], nullptr, &before_[i]);
  }
  ~SignalKeeper() {
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGPIPE};
  std::array<struct sigaction, kSignals.size()> before_{};
};

template <typename Function>
bool Find(void* library, const char* name, Function** function) {
  *function = reinterpret_cast<Function*>(::dlsym(library, name));
  return *function != nullptr;
}

// The name of the first that is missing; null: none is.
const char* FindAll(void* library, PythonApi* api) {
#define PMOE_FIND(name) \
  if (!Find(library, #name, &api->name)) return #name
  PMOE_FIND(Py_InitializeEx);
  PMOE_FIND(Py_SetProgramName);
  PMOE_FIND(Py_DecodeLocale);
  PMOE_FIND(PyEval_SaveThread);
  PMOE_FIND(PyEval_RestoreThread);
  PMOE_FIND(PyGILState_Ensure);
  PMOE_FIND(PyGILState_Release);
  PMOE_FIND(Py_CompileString);
  PMOE_FIND(PyEval_EvalCode);
  PMOE_FIND(PyEval_GetBuiltins);
  PMOE_FIND(PyDict_New);
  PMOE_FIND(PyDict_GetItemString);
  PMOE_FIND(PyDict_SetItemString);
  PMOE_FIND(PyObject_CallObject);
  PMOE_FIND(PyObject_GetAttrString);
  PMOE_FIND(Py_BuildValue);
  PMOE_FIND(PyTuple_GetItem);
  PMOE_FIND(PyUnicode_AsUTF8AndSize);
  PMOE_FIND(PyBytes_AsStringAndSize);
  PMOE_FIND(PyBytes_FromStringAndSize);
  PMOE_FIND(PyLong_AsSize_t);
  PMOE_FIND(PyLong_FromUnsignedLongLong);
  PMOE_FIND(PyErr_Print);
  PMOE_FIND(Py_DecRef);
#undef PMOE_FIND
  api->none = static_cast<PyObject*>(::dlsym(library, "_Py_NoneStruct"));
  return api->none == nullptr ? "_Py_NoneStruct" : nullptr;
}

absl::Status NoLibrary(const PythonInterpreter& python) {
  const std::string minor = python.version.substr(0, python.version.rfind('.'));
  return absl::FailedPreconditionError(absl::StrCat(
      python.executable, " (Python ", python.version, ") has no libpython", minor,
      ".so, which gym: loads into this process: apt-get install libpython", minor,
      " (Debian, Ubuntu), or give the environment a process of its own: gym-process: instead of "
      "gym:"));
}

}  // namespace

absl::StatusOr<const EmbeddedPython*> EmbeddedPython::Get(const PythonInterpreter& interpreter) {
  static Mutex mu;
  static EmbeddedPython* python = nullptr;
  MutexLock lock(&mu);
  if (python == nullptr) {
    PMOE_ASSIGN_OR_RETURN(python, Start(interpreter));
  }
  PMOE_RETURN_IF_ERROR(python->ready_);
  if (python->executable_ == interpreter.executable) return python;
  return absl::FailedPreconditionError(
      absl::StrCat("this process has Python of ", python->executable_, " and cannot have that of ",
                   interpreter.executable, " beside it: gym-process: can"));
}

absl::StatusOr<EmbeddedPython*> EmbeddedPython::Start(const PythonInterpreter& interpreter) {
  std::unique_ptr<EmbeddedPython> python(new EmbeddedPython());
  PMOE_RETURN_IF_ERROR(python->Load(interpreter));
  const PythonApi& api = python->api_;
  const SignalKeeper keeper;
  // Its place tells Python which virtual environment it is of.
  wchar_t* const name = api.Py_DecodeLocale(interpreter.executable.c_str(), nullptr);
  if (name == nullptr) return absl::InvalidArgumentError(interpreter.executable + " is no name");
  api.Py_SetProgramName(name);
  api.Py_InitializeEx(/*signal_handlers=*/0);
  python->ready_ = python->RunScript();
  thread_state.api = &python->api_;
  thread_state.state = api.PyEval_SaveThread();
  python->executable_ = interpreter.executable;
  return python.release();  // also where it is not ready: Python cannot be started twice
}

absl::Status EmbeddedPython::Load(const PythonInterpreter& interpreter) {
  if (interpreter.library.empty()) return NoLibrary(interpreter);
  // Packages' own libraries look for Python's symbols among all that are loaded.
  void* const library = ::dlopen(interpreter.library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot load ", interpreter.library, ": ", ::dlerror(), "; gym-process: does without it"));
  }
  const char* const missing = FindAll(library, &api_);
  if (missing == nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(interpreter.library, " has no ", missing, "; gym-process: does without it"));
}

absl::Status EmbeddedPython::RunScript() {
  PMOE_ASSIGN_OR_RETURN(const std::string path, GymScript("pmoe_gym.py"));
  PMOE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  globals_ = api_.PyDict_New();
  const PythonRef name(api_, api_.Py_BuildValue("s", "pmoe_gym"));
  const PythonRef file(api_, api_.Py_BuildValue("s", path.c_str()));
  api_.PyDict_SetItemString(globals_, "__builtins__", api_.PyEval_GetBuiltins());
  api_.PyDict_SetItemString(globals_, "__name__", name.get());
  api_.PyDict_SetItemString(globals_, "__file__", file.get());
  const PythonRef code(api_, api_.Py_CompileString(text.c_str(), path.c_str(), kFileInput));
  const PythonRef ran(api_, code ? api_.PyEval_EvalCode(code.get(), globals_, globals_) : nullptr);
  const PythonRef ready(api_, ran ? api_.PyObject_CallObject(Function("embed"), nullptr) : nullptr);
  if (ready) return absl::OkStatus();
  api_.PyErr_Print();
  return absl::InternalError(path + " cannot be run");
}

PythonLock::PythonLock(const PythonApi& api) : api_(api) {
  ThreadState& mine = thread_state;
  if (mine.state != nullptr) {
    api.PyEval_RestoreThread(mine.state);
    return;
  }
  api.PyGILState_Ensure();
  mine.api = &api;
  mine.ours = true;
}

PythonLock::~PythonLock() { thread_state.state = api_.PyEval_SaveThread(); }

absl::string_view PythonText(const PythonApi& api, PyObject* object) {
  ptrdiff_t size = 0;
  const char* const text = object == nullptr ? nullptr : api.PyUnicode_AsUTF8AndSize(object, &size);
  return text == nullptr ? "" : absl::string_view(text, static_cast<size_t>(size));
}

}  // namespace pmoe
