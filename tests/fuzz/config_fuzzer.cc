// Any bytes as a configuration's file, and their lines as settings. What is taken must be whole: it
// is printed to a text that gives the same again.
#include <unistd.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/config/run_config.h"
#include "common/config/run_config_file.h"

namespace pmoe {
namespace {

const std::string& Folder() {
  static const std::string& folder = *new std::string([] {
    char name[] = "/dev/shm/pmoe_config_fuzzer_XXXXXX";
    return std::string(::mkdtemp(name) == nullptr ? "" : name);
  }());
  return folder;
}

void CheckResolved(const ConfigSources& sources) {
  const absl::StatusOr<RunConfig> config = ResolveConfig(sources);
  if (!config.ok()) return;
  const std::string text = RunConfigText(*config);
  if (!WriteFileAtomic(absl::StrCat(Folder(), "/config.textproto"), text).ok()) return;
  const absl::StatusOr<RunConfig> again = ReadValidRunConfig(Folder());
  if (!again.ok() || RunConfigText(*again) != text) __builtin_trap();
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string file = pmoe::Folder() + "/config.textproto";
  if (!pmoe::WriteFileAtomic(file, bytes).ok()) return 0;
  pmoe::ReadValidRunConfig(pmoe::Folder()).status().IgnoreError();
  pmoe::CheckResolved({.config_file = file});
  pmoe::CheckResolved({.sets = absl::StrSplit(bytes, '\n', absl::SkipEmpty())});
  return 0;
}
