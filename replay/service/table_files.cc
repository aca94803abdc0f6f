#include "replay/service/table_files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "replay/core/table_history.h"
#include "replay/wire/table_name.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kEnding = ".table";
constexpr size_t kNameMax = 64;

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kNameMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
         });
}

absl::Status FolderError(const std::string& dir, const std::error_code& error) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot read ", dir, ": ", error.message(), "; --dir names the folder"));
}

// File names in the folder.
absl::StatusOr<std::vector<std::string>> List(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(dir, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return FolderError(dir, error);
  return names;
}

}  // namespace

std::vector<std::string> NamedTablesIn(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(dir + "/tables", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code none;
    if (CheckTableName("table", name).ok() && entry->is_directory(none)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::string> TableFiles::Path(const std::string& name) const {
  if (IsName(name)) return absl::StrCat(dir_, "/", name, kEnding);
  return absl::InvalidArgumentError(absl::StrCat("a checkpoint's name is 1 to ", kNameMax,
                                                 " characters of 0-9, a-z and -, got \"", name,
                                                 "\""));
}

absl::StatusOr<std::vector<TableFiles::Found>> TableFiles::NewestFirst() const {
  const auto files = List(dir_);
  if (!files.ok()) return files.status();
  std::vector<Found> found;
  for (const std::string& file : *files) {
    const std::string name(absl::StripSuffix(file, kEnding));
    std::error_code error;
    const auto written = fs::last_write_time(dir_ + "/" + file, error);
    if (name == file || !IsName(name) || error) continue;
    const absl::StatusOr<TableHistory> history = ReadHistory(dir_ + "/" + file);
    if (history.ok()) {
      found.push_back({name, history->number, history->log_position, false, written});
    } else {
      found.push_back({.name = name, .damaged = true, .written = written});
    }
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::tie(a.damaged, a.number, a.written, a.name) >
           std::tie(b.damaged, b.number, b.written, b.name);
  });
  return found;
}

uint64_t TableFiles::NextNumber(const std::vector<Found>& files) {
  uint64_t newest = 0;
  for (const Found& file : files) newest = std::max(newest, file.number);
  return newest + 1;
}

absl::Status TableFiles::KeepOnly(const std::vector<std::string>& names) const {
  const auto files = List(dir_);
  if (!files.ok()) return files.status();
  for (const std::string& file : *files) {
    const std::string name(absl::StripSuffix(file, kEnding));
    const bool is_table = name != file && IsName(name);
    const bool is_left_behind = absl::EndsWith(file, absl::StrCat(kEnding, ".tmp"));
    if (!is_left_behind &&
        (!is_table || std::find(names.begin(), names.end(), name) != names.end()))
      continue;
    const std::string path = dir_ + "/" + file;
    if (::unlink(path.c_str()) != 0) return FileError("remove", path, errno);
  }
  return absl::OkStatus();
}

}  // namespace pmoe
