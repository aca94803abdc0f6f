// The Python interpreter within this process. It is not linked: the libpython of whichever
// interpreter is in use is loaded, and called through the functions that all versions from 3.10 on
// have alike (the limited API). No signal handlers are installed. It lives until the process ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "actor/env/gym/python_interpreter.h"

namespace pmoe {

struct PyObject;
struct PyThreadState;

// Python's own functions, under their own names.
struct PythonApi {
  void (*Py_InitializeEx)(int signal_handlers);
  void (*Py_SetProgramName)(const wchar_t* name);  // null where InitConfig is
  wchar_t* (*Py_DecodeLocale)(const char* text, size_t* size);
  PyThreadState* (*PyEval_SaveThread)();
  void (*PyEval_RestoreThread)(PyThreadState* state);
  int (*PyGILState_Ensure)();
  void (*PyGILState_Release)(int state);
  PyObject* (*Py_CompileString)(const char* text, const char* file, int start);
  PyObject* (*PyEval_EvalCode)(PyObject* code, PyObject* globals, PyObject* locals);
  PyObject* (*PyEval_GetBuiltins)();
  PyObject* (*PyDict_New)();
  PyObject* (*PyDict_GetItemString)(PyObject* dict, const char* key);
  int (*PyDict_SetItemString)(PyObject* dict, const char* key, PyObject* value);
  PyObject* (*PyObject_CallObject)(PyObject* callable, PyObject* args);
  PyObject* (*PyObject_GetAttrString)(PyObject* object, const char* name);
  PyObject* (*Py_BuildValue)(const char* format, ...);
  PyObject* (*PyTuple_GetItem)(PyObject* tuple, ptrdiff_t at);
  const char* (*PyUnicode_AsUTF8AndSize)(PyObject* text, ptrdiff_t* size);
  int (*PyBytes_AsStringAndSize)(PyObject* bytes, char** data, ptrdiff_t* size);
  PyObject* (*PyBytes_FromStringAndSize)(const char* data, ptrdiff_t size);
  size_t (*PyLong_AsSize_t)(PyObject* number);
  PyObject* (*PyLong_FromUnsignedLongLong)(unsigned long long number);
  void (*PyErr_Print)();
  void (*Py_DecRef)(PyObject* object);
  PyObject* none;  // Py_None
};

// The interpreter, ready, with pmoe_gym.py run. Thread-safe.
class EmbeddedPython {
 public:
  // Loads it at the first call. FailedPreconditionError: the interpreter has no libpython, or the
  // process has begun with another interpreter already; says what to do.
  static absl::StatusOr<const EmbeddedPython*> Get(const PythonInterpreter& interpreter);

  const PythonApi& api() const { return api_; }
  // A function of pmoe_gym.py, borrowed. Under a Lock.
  PyObject* Function(const char* name) const { return api_.PyDict_GetItemString(globals_, name); }

 private:
  EmbeddedPython() = default;
  static absl::StatusOr<EmbeddedPython*> Start(const PythonInterpreter& interpreter);
  absl::Status Load(const PythonInterpreter& interpreter);
  absl::Status RunScript();

  PythonApi api_{};
  PyObject* globals_ = nullptr;
  std::string executable_;
  absl::Status ready_;  // of what it runs first
};

// While it lives this thread may call Python. Not recursive.
class PythonLock {
 public:
  explicit PythonLock(const PythonApi& api);
  ~PythonLock();
  PythonLock(const PythonLock&) = delete;
  PythonLock& operator=(const PythonLock&) = delete;

 private:
  const PythonApi& api_;
};

// A reference that is ours. Used and destroyed under a PythonLock.
class PythonRef {
 public:
  PythonRef(const PythonApi& api, PyObject* object) : api_(&api), object_(object) {}
  ~PythonRef() { api_->Py_DecRef(object_); }
  PythonRef(const PythonRef&) = delete;
  PythonRef& operator=(const PythonRef&) = delete;
  PyObject* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  const PythonApi* api_;
  PyObject* object_;
};

// A str, or "" where it is none. Under a PythonLock, while `object` lives.
absl::string_view PythonText(const PythonApi& api, PyObject* object);

}  // namespace pmoe
