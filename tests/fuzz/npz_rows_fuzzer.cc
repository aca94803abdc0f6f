// Feeds the reader of NumPy archives: the input as a file, as changes to good archives, and as the
// header of an array. What it gives of a row is learned from: it must be numbers in their bounds.
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>

#include <cstdint>
#include <string>

#include "common/base/finite.h"
#include "replay/load/npz_source.h"

namespace pmoe {
namespace {

constexpr absl::string_view kNames[] = {"observations", "actions", "rewards", "terminals",
                                        "timeouts"};

std::string NpyBytes(absl::string_view descr, absl::string_view shape, size_t bytes) {
  std::string header =
      absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (", shape, "), }\n");
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size());
  out += '\0';
  return absl::StrCat(out, header, std::string(bytes, '\0'));
}

// Three rows, O = 2, A = 1.
std::string GoodArchive(int compression) {
  const std::string path = "/tmp/npz_rows_fuzzer." + std::to_string(::getpid());
  const std::string arrays[] = {NpyBytes("<f4", "3, 2", 24), NpyBytes("<f8", "3, 1", 24),
                                NpyBytes("<f4", "3,", 12), NpyBytes("|b1", "3,", 3),
                                NpyBytes("<i8", "3,", 24)};
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  for (size_t i = 0; i < std::size(kNames); ++i) {
    zip_source_t* const source = zip_source_buffer(archive, arrays[i].data(), arrays[i].size(), 0);
    const zip_int64_t index =
        zip_file_add(archive, absl::StrCat(kNames[i], ".npy").c_str(), source, 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), compression, 0);
  }
  if (zip_close(archive) != 0) __builtin_trap();
  std::string bytes;
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  for (int c; (c = std::fgetc(file)) != EOF;) bytes += static_cast<char>(c);
  std::fclose(file);
  ::unlink(path.c_str());
  return bytes;
}

void CheckRows(const std::string& bytes) {
  const int fd = ::memfd_create("npz", 0);
  if (::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    __builtin_trap();
  }
  auto source = NpzSource::Open("/proc/self/fd/" + std::to_string(fd), {});
  if (source.ok()) {
    const TableSpec& spec = (*source)->spec();
    uint64_t rows = 0;
    (void)(*source)->Visit([&](const SourceRow& row) -> absl::Status {
      const Transition& step = row.transition;
      if (step.obs.size() != static_cast<size_t>(spec.obs_dim) ||
          step.next_obs.size() != step.obs.size() ||
          step.action.size() != static_cast<size_t>(spec.action_dim)) {
        __builtin_trap();
      }
      const absl::Status sound = CheckRow(row);
      if (sound.ok() && !(AllFinite(step.obs) && AllFinite(step.next_obs))) __builtin_trap();
      if (++rows > (*source)->rows()) __builtin_trap();
      return sound;
    });
  }
  ::close(fd);
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string goods[] = {pmoe::GoodArchive(ZIP_CM_STORE),
                                      pmoe::GoodArchive(ZIP_CM_DEFLATE)};
  const std::string input(reinterpret_cast<const char*>(data), size);
  (void)pmoe::ParseNpyHeader(input);
  pmoe::CheckRows(input);
  // Three bytes of input put one byte somewhere.
  for (std::string changed : goods) {
    for (size_t i = 0; i + 3 <= size; i += 3) {
      changed[(data[i] + 256u * data[i + 1]) % changed.size()] = static_cast<char>(data[i + 2]);
    }
    pmoe::CheckRows(changed);
  }
  return 0;
}
