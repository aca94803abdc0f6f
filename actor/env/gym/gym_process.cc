#include "actor/env/gym/gym_process.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "actor/env/gym/child_process.h"
#include "actor/env/gym/gym_plugin.h"
#include "actor/env/gym/gym_spec.h"
#include "actor/env/gym/python_interpreter.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWait(600'000);  // imports may compile
constexpr uint32_t kStep = 1, kReset = 2;

// What both map; pmoe_gym_serve.py has the same numbers. The eventfds say whose turn it is.
struct Shared {
  uint32_t command, has_seed, failed;
  alignas(64) uint64_t seed;
  alignas(64) double result[3];
};
static_assert(offsetof(Shared, seed) == 64 && offsetof(Shared, result) == 128);
constexpr size_t kArrays = 4096;  // bytes, where the action begins

// The memory of one environment.
class SharedMemory {
 public:
  static absl::StatusOr<std::unique_ptr<SharedMemory>> Make(const PmoeEnvSpec& spec) {
    auto memory = absl::WrapUnique(new SharedMemory());
    memory->bytes_ = kArrays + sizeof(double) * (static_cast<size_t>(spec.action_dim) +
                                                 static_cast<size_t>(spec.obs_dim));
    memory->fd_ = Descriptor(::memfd_create("pmoe-gym", MFD_CLOEXEC));
    if (memory->fd_.get() >= 0 && ::ftruncate(memory->fd_.get(), memory->bytes_) == 0) {
      memory->at_ =
          ::mmap(nullptr, memory->bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd_.get(), 0);
    }
    if (memory->at_ == MAP_FAILED) {
      return absl::ResourceExhaustedError("no memory to share with the environment's process");
    }
    memory->action_ = reinterpret_cast<double*>(static_cast<char*>(memory->at_) + kArrays);
    memory->obs_ = memory->action_ + spec.action_dim;
    return memory;
  }
  ~SharedMemory() {
    if (at_ != MAP_FAILED) ::munmap(at_, bytes_);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  Shared& words() { return *static_cast<Shared*>(at_); }
  double* action() { return action_; }
  const double* obs() const { return obs_; }
  int fd() const { return fd_.get(); }

 private:
  SharedMemory() = default;
  Descriptor fd_;
  size_t bytes_ = 0;
  void* at_ = MAP_FAILED;
  double* action_ = nullptr;
  double* obs_ = nullptr;
};

class ProcessEnv {
 public:
  static absl::StatusOr<std::unique_ptr<ProcessEnv>> Make(const GymRequest& request) {
    auto env = absl::WrapUnique(new ProcessEnv(request));
    PMOE_RETURN_IF_ERROR(env->Start());
    return env;
  }

  const PmoeEnvSpec& spec() const { return spec_->get(); }

  // A process that has ended is started anew.
  bool Reset(bool has_seed, uint64_t seed, double* obs, PmoeError* error) {
    if (std::exchange(stepping_, false)) Await(nullptr, nullptr);
    if (child_ == nullptr) {
      if (const absl::Status started = Restart(); !started.ok()) {
        TellWhy(started.message(), error);
        return false;
      }
    }
    memory_->words().seed = seed;
    memory_->words().has_seed = has_seed ? 1 : 0;
    Ask(kReset);
    return Await(obs, error);
  }

  void BeginStep(const double* action) {
    if (stepping_ || child_ == nullptr) return;
    std::memcpy(memory_->action(), action, sizeof(double) * static_cast<size_t>(spec().action_dim));
    Ask(kStep);
    stepping_ = true;
  }

  bool Step(const double* action, double* obs, PmoeStep* result, PmoeError* error) {
    if (child_ == nullptr) {
      TellWhy("the environment's process has ended", error);
      return false;
    }
    BeginStep(action);
    stepping_ = false;
    if (!Await(obs, error)) return false;
    const double* const said = memory_->words().result;
    *result = {said[0], said[1] != 0.0, said[2] != 0.0};
    return true;
  }

  size_t Save(void* bytes, size_t size) {
    if (bytes == nullptr || saved_.size() > size) saved_ = Tell("s").value_or("");
    if (bytes != nullptr && saved_.size() <= size) {
      std::memcpy(bytes, saved_.data(), saved_.size());
    }
    return saved_.size();
  }
  bool Load(const void* bytes, size_t size) {
    const absl::StatusOr<std::string> why =
        Tell(absl::StrCat("l", absl::string_view(static_cast<const char*>(bytes), size)));
    if (why.ok() && why->empty()) return true;
    Log(LogLevel::kWarning, why.ok() ? *why : std::string(why.status().message()));
    return false;
  }
  std::string Info() { return Tell("i").value_or(""); }

  bool Render(PmoeImage* image, PmoeError* error) {
    const absl::StatusOr<std::string> said = Tell("r");
    constexpr size_t kHead = 1 + 2 * sizeof(uint32_t);
    if (!said.ok() || said->size() < kHead || (*said)[0] == 0) {
      TellWhy(said.ok() ? absl::string_view(*said).substr(1) : said.status().message(), error);
      return false;
    }
    image_ = *said;
    std::memcpy(&image->width, image_.data() + 1, sizeof(image->width));
    std::memcpy(&image->height, image_.data() + 1 + sizeof(uint32_t), sizeof(image->height));
    image->rgb = reinterpret_cast<const uint8_t*>(image_.data() + kHead);
    const size_t pixels = size_t(image->width) * size_t(image->height);
    if (pixels * 3 == image_.size() - kHead) return true;
    TellWhy("its picture is cut", error);
    return false;
  }

 private:
  explicit ProcessEnv(const GymRequest& request) : request_(request) {}

  absl::Status Start() {
    PMOE_ASSIGN_OR_RETURN(const PythonInterpreter python, FindPython(request_.python));
    PMOE_ASSIGN_OR_RETURN(const std::string script, GymScript("pmoe_gym_serve.py"));
    PMOE_ASSIGN_OR_RETURN(child_, ChildProcess::Start({python.executable, script}));
    const absl::Status begun = Begin();
    if (begun.ok()) return begun;
    if (!absl::IsUnavailable(begun)) {  // what it said is why, not that it leaves then
      child_ = nullptr;
      return begun;
    }
    const absl::Status died = absl::FailedPreconditionError(
        absl::StrCat("its process ended while it was made: ", child_->Obituary()));
    child_ = nullptr;
    return died;
  }

  absl::Status Begin() {
    nlohmann::json ask = {{"id", request_.id}, {"will_render", request_.will_render}};
    ask["keywords"] = nlohmann::json::parse(request_.keywords, nullptr, false);
    PMOE_RETURN_IF_ERROR(child_->Send(ask.dump()));
    PMOE_ASSIGN_OR_RETURN(const std::string text, child_->Receive(kWait));
    const nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
    if (!answer.is_object() || !answer.contains("why")) {
      return absl::InternalError("pmoe_gym_serve.py does not fit this program");
    }
    if (answer["why"].is_string()) {
      return absl::InvalidArgumentError(answer["why"].get<std::string>());
    }
    PMOE_ASSIGN_OR_RETURN(spec_, GymSpec::Parse(answer["spec"].get<std::string>()));
    PMOE_ASSIGN_OR_RETURN(memory_, SharedMemory::Make(spec_->get()));
    return child_->SendDescriptor(memory_->fd());
  }

  absl::Status Restart() {
    const PmoeEnvSpec before = spec();
    std::unique_ptr<GymSpec> keep = std::move(spec_);
    const absl::Status started = Start();
    if (spec_ == nullptr) spec_ = std::move(keep);
    PMOE_RETURN_IF_ERROR(started);
    if (spec().obs_dim == before.obs_dim && spec().action_dim == before.action_dim) {
      return absl::OkStatus();
    }
    child_ = nullptr;
    return absl::FailedPreconditionError("its sizes have changed since it was started first");
  }

  void Ask(uint32_t command) {
    memory_->words().command = command;
    child_->Wake();
  }

  bool AwaitAnswer(std::string* why) {
    switch (child_->AwaitWake(kWait)) {
      case ChildProcess::Waited::kWoken:
        return true;
      case ChildProcess::Waited::kSilent:
        *why = "the environment's process has not answered for ten minutes";
        break;
      case ChildProcess::Waited::kEnded:
        *why = absl::StrCat("the environment's process has ended: ", child_->Obituary());
    }
    child_ = nullptr;
    return false;
  }

  // obs: null, where nobody wants the answer.
  bool Await(double* obs, PmoeError* error) {
    std::string why;
    const bool answered = AwaitAnswer(&why);
    if (answered && memory_->words().failed != 0) {
      why = Tell("t").value_or("no reason given");
    }
    if (obs == nullptr) return answered;
    if (why.empty()) {
      std::memcpy(obs, memory_->obs(), sizeof(double) * static_cast<size_t>(spec().obs_dim));
      return true;
    }
    TellWhy(why, error);
    return false;
  }

  absl::StatusOr<std::string> Tell(const std::string& message) {
    if (child_ == nullptr) return absl::UnavailableError("the environment's process has ended");
    const absl::Status sent = child_->Send(message);
    absl::StatusOr<std::string> answer =
        sent.ok() ? child_->Receive(kWait) : absl::StatusOr<std::string>(sent);
    if (!answer.ok()) child_ = nullptr;  // a late answer would be taken for the next one's
    return answer;
  }

  const GymRequest request_;
  std::unique_ptr<GymSpec> spec_;
  std::unique_ptr<SharedMemory> memory_;
  std::unique_ptr<ChildProcess> child_;  // null: it has ended
  bool stepping_ = false;                // a step was begun
  std::string saved_;                    // between the question for its size and the copy
  std::string image_;
};

}  // namespace

const PmoeEnvPlugin* GymInProcess() {
  static const PmoeEnvPlugin plugin = [] {
    PmoeEnvPlugin made = GymPlugin<ProcessEnv>();
    made.begin_step = [](void* env, const double* action) {
      static_cast<ProcessEnv*>(env)->BeginStep(action);
    };
    return made;
  }();
  return &plugin;
}

}  // namespace pmoe
