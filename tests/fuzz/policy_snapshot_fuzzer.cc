// Feeds the .pmoe decoder. The checksums would stop nearly every input at the door, so that the
// input is also taken as the sections of a container whose checksums fit.
#include <cstdint>
#include <string>

#include "common/policy/container.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {
namespace {

// What decodes must encode to something that decodes to the same.
void CheckDecode(const std::string& bytes) {
  const auto snapshot = PolicySnapshot::Decode(bytes);
  if (!snapshot.ok()) return;
  const auto again = PolicySnapshot::Decode(snapshot->Encode());
  if (!again.ok() || again->Encode() != snapshot->Encode()) __builtin_trap();
}

// First byte: length of the spec; the rest of the input are the weights.
void CheckSections(const std::string& bytes) {
  if (bytes.empty()) return;
  const std::string spec_bytes = bytes.substr(1, static_cast<uint8_t>(bytes[0]));
  ByteReader in(spec_bytes);
  const auto spec = PolicySpec::Load(&in);
  ContainerWriter writer;
  writer.Add("spec", spec_bytes);
  writer.Add("weights", bytes.substr(1 + spec_bytes.size()));
  CheckDecode(writer.Finish({ContainerKind::kSnapshot, spec.ok() ? spec->Hash() : 0, 1, 1}));
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  pmoe::CheckDecode(bytes);
  pmoe::CheckSections(bytes);
  return 0;
}
