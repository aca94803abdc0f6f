#include "actor/env/gym/embedded_gym.h"

#include <cstring>
#include <memory>
#include <string>

#include "absl/memory/memory.h"
#include "actor/env/gym/embedded_python.h"
#include "actor/env/gym/gym_plugin.h"
#include "actor/env/gym/gym_spec.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// One Host of pmoe_gym.py. Its arrays lie at addresses that do not change.
class EmbeddedEnv {
 public:
  static absl::StatusOr<std::unique_ptr<EmbeddedEnv>> Make(const GymRequest& request) {
    PMOE_ASSIGN_OR_RETURN(const PythonInterpreter interpreter, FindPython(request.python));
    PMOE_ASSIGN_OR_RETURN(const EmbeddedPython* const python, EmbeddedPython::Get(interpreter));
    auto env = absl::WrapUnique(new EmbeddedEnv(*python));
    const PythonLock lock(env->api_);
    PMOE_RETURN_IF_ERROR(env->MakeHost(request));
    return env;
  }
  ~EmbeddedEnv() {
    const PythonLock lock(api_);
    if (host_ != nullptr) Drop(Call("close", nullptr));
    for (PyObject* object : {step_, image_, host_}) Drop(object);
  }
  EmbeddedEnv(const EmbeddedEnv&) = delete;
  EmbeddedEnv& operator=(const EmbeddedEnv&) = delete;

  const PmoeEnvSpec& spec() const { return spec_->get(); }

  bool Reset(bool has_seed, uint64_t seed, double* obs, PmoeError* error) {
    const PythonLock lock(api_);
    const PythonRef args(api_, has_seed ? api_.Py_BuildValue("(K)", (unsigned long long)(seed))
                                        : api_.Py_BuildValue("(O)", api_.none));
    if (!Went(Call("reset", args.get()), error)) return false;
    std::memcpy(obs, obs_, ObsBytes());
    return true;
  }

  bool Step(const double* action, double* obs, PmoeStep* result, PmoeError* error) {
    const PythonLock lock(api_);
    std::memcpy(action_, action, sizeof(double) * static_cast<size_t>(spec().action_dim));
    if (!Went(api_.PyObject_CallObject(step_, nullptr), error)) return false;
    std::memcpy(obs, obs_, ObsBytes());
    result->reward = result_[0];
    result->terminated = result_[1] != 0.0;
    result->truncated = result_[2] != 0.0;
    return true;
  }

  size_t Save(void* bytes, size_t size) const {
    if (bytes != nullptr && saved_.size() <= size) {
      std::memcpy(bytes, saved_.data(), saved_.size());
      return saved_.size();
    }
    const PythonLock lock(api_);
    const PythonRef saved(api_, Call("save", nullptr));
    char* data = nullptr;
    ptrdiff_t count = 0;
    saved_.clear();
    if (saved && api_.PyBytes_AsStringAndSize(saved.get(), &data, &count) == 0) {
      saved_.assign(data, static_cast<size_t>(count));
    }
    return saved_.size();
  }

  bool Load(const void* bytes, size_t size) {
    const PythonLock lock(api_);
    const PythonRef data(api_, api_.PyBytes_FromStringAndSize(static_cast<const char*>(bytes),
                                                              static_cast<ptrdiff_t>(size)));
    const PythonRef args(api_, api_.Py_BuildValue("(O)", data.get()));
    std::string why(1024, '\0');
    PmoeError error = {why.data(), why.size()};
    if (Went(Call("load", args.get()), &error)) return true;
    Log(LogLevel::kWarning, why.c_str());
    return false;
  }

  std::string Info() const {
    const PythonLock lock(api_);
    const PythonRef lines(api_, Call("info", nullptr));
    return std::string(PythonText(api_, lines.get()));
  }

  bool Render(PmoeImage* image, PmoeError* error) {
    const PythonLock lock(api_);
    if (!Went(Call("render", nullptr), error)) return false;
    Drop(image_);
    image_ = api_.PyObject_GetAttrString(host_, "image");
    const PythonRef args(api_, api_.Py_BuildValue("(O)", image_));
    const PythonRef size(api_, api_.PyObject_CallObject(python_.Function("size"), args.get()));
    image->width = static_cast<int32_t>(Number(api_.PyTuple_GetItem(size.get(), 0)));
    image->height = static_cast<int32_t>(Number(api_.PyTuple_GetItem(size.get(), 1)));
    image->rgb = reinterpret_cast<const uint8_t*>(Address(image_));
    return true;
  }

 private:
  explicit EmbeddedEnv(const EmbeddedPython& python) : python_(python), api_(python.api()) {}

  absl::Status MakeHost(const GymRequest& request) {
    const PythonRef args(api_,
                         api_.Py_BuildValue("(ssi)", request.id.c_str(), request.keywords.c_str(),
                                            request.will_render ? 1 : 0));
    const PythonRef made(api_, api_.PyObject_CallObject(python_.Function("make"), args.get()));
    if (!made) return Broken();
    PyObject* const why = api_.PyTuple_GetItem(made.get(), 2);
    if (why != api_.none) return absl::InvalidArgumentError(PythonText(api_, why));
    PMOE_ASSIGN_OR_RETURN(spec_,
                          GymSpec::Parse(PythonText(api_, api_.PyTuple_GetItem(made.get(), 1))));
    const PythonRef holder(api_, api_.Py_BuildValue("O", api_.PyTuple_GetItem(made.get(), 0)));
    host_ = api_.Py_BuildValue("O", holder.get());
    step_ = api_.PyObject_GetAttrString(host_, "step");
    action_ = Array("action");
    obs_ = Array("obs");
    result_ = Array("result");
    return step_ == nullptr || result_ == nullptr ? Broken() : absl::OkStatus();
  }

  absl::Status Broken() const {
    api_.PyErr_Print();
    return absl::InternalError("pmoe_gym.py does not fit this program: build or install it again");
  }

  double* Array(const char* name) const {
    const PythonRef array(api_, api_.PyObject_GetAttrString(host_, name));
    return reinterpret_cast<double*>(Address(array.get()));
  }
  size_t Address(PyObject* array) const {
    const PythonRef args(api_, api_.Py_BuildValue("(O)", array));
    const PythonRef address(api_,
                            api_.PyObject_CallObject(python_.Function("address"), args.get()));
    return address ? Number(address.get()) : 0;
  }
  size_t Number(PyObject* number) const { return api_.PyLong_AsSize_t(number); }

  PyObject* Call(const char* method, PyObject* args) const {
    const PythonRef bound(api_, api_.PyObject_GetAttrString(host_, method));
    return bound ? api_.PyObject_CallObject(bound.get(), args) : nullptr;
  }
  // Takes the answer: None, or what went wrong.
  bool Went(PyObject* taken, PmoeError* error) const {
    const PythonRef answer(api_, taken);
    if (taken == api_.none) return true;
    if (taken == nullptr) api_.PyErr_Print();
    TellWhy(PythonText(api_, taken), error);
    return false;
  }
  void Drop(PyObject* object) const { api_.Py_DecRef(object); }
  size_t ObsBytes() const { return sizeof(double) * static_cast<size_t>(spec().obs_dim); }

  const EmbeddedPython& python_;
  const PythonApi& api_;
  std::unique_ptr<GymSpec> spec_;
  PyObject* host_ = nullptr;
  PyObject* step_ = nullptr;
  PyObject* image_ = nullptr;
  double* action_ = nullptr;
  double* obs_ = nullptr;
  double* result_ = nullptr;
  mutable std::string saved_;  // between the question for its size and the copy
};

}  // namespace

const PmoeEnvPlugin* EmbeddedGym() {
  static const PmoeEnvPlugin plugin = GymPlugin<EmbeddedEnv>();
  return &plugin;
}

}  // namespace pmoe
