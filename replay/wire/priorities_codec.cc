#include "replay/wire/priorities_codec.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "replay/core/nonsense.h"

namespace pmoe {

void EncodePriorities(absl::Span<const RowKey> rows, absl::Span<const float> errors,
                      UpdatePrioritiesRequest* request) {
  request->mutable_rows()->assign(reinterpret_cast<const char*>(rows.data()),
                                  rows.size() * sizeof(RowKey));
  request->mutable_errors()->Assign(errors.begin(), errors.end());
}

absl::StatusOr<std::vector<RowKey>> RowKeysOf(const UpdatePrioritiesRequest& request) {
  const std::string& bytes = request.rows();
  if (bytes.size() % sizeof(RowKey) != 0) {
    return Nonsense(kBadColumns, absl::StrCat("an update's rows are ", bytes.size(),
                                              " bytes, no multiple of ", sizeof(RowKey)));
  }
  std::vector<RowKey> rows(bytes.size() / sizeof(RowKey));
  if (!rows.empty()) std::memcpy(rows.data(), bytes.data(), bytes.size());
  return rows;
}

}  // namespace pmoe
