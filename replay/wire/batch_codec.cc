#include "replay/wire/batch_codec.h"

namespace pmoe {

size_t PackedBytes(const TableSpec& spec, int rows) {
  constexpr size_t kScalars = 3;  // reward, discount, version
  const size_t words =
      2 * static_cast<size_t>(spec.obs_dim) + static_cast<size_t>(spec.action_dim) + kScalars;
  return static_cast<size_t>(rows) * words * 4;
}

void PackColumns(Minibatch* batch, std::string* columns) {
  columns->clear();
  columns->reserve(PackedBytes(batch->spec(), batch->size()));
  const auto append = [&](const void* column, int width) {
    const size_t words = static_cast<size_t>(batch->size()) * static_cast<size_t>(width);
    columns->append(static_cast<const char*>(column), 4 * words);
  };
  append(batch->obs(), batch->spec().obs_dim);
  append(batch->action(), batch->spec().action_dim);
  append(batch->reward(), 1);
  append(batch->discount(), 1);
  append(batch->next_obs(), batch->spec().obs_dim);
  append(batch->policy_version(), 1);
}

}  // namespace pmoe
