// The rows of a NumPy archive with arrays as D4RL has them, N rows:
//   observations [N, O], actions [N, A], rewards [N], terminals or terminated [N];
//   timeouts or truncated [N], next_observations [N, O] if they are there.
// Without next_observations a row's successor is the next row's observation. Where an episode is
// truncated, or the file ends, there is none: that row is left out. A row that terminates needs
// none; its own observation stands in its place.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "replay/load/npz_archive.h"
#include "replay/load/row_source.h"

namespace pmoe {

class NpzSource final : public RowSource {
 public:
  // InvalidArgumentError names the array and what to do.
  static absl::StatusOr<std::unique_ptr<RowSource>> Open(const std::string& path,
                                                         const ActionRange& actions);

  const TableSpec& spec() const override { return spec_; }
  uint64_t rows() const override { return rows_; }
  absl::StatusOr<uint64_t> Visit(Visitor visit) override;

 private:
  // Null: the archive has no such array.
  struct Arrays {
    std::unique_ptr<NpyReader> observations, actions, rewards, terminated, truncated,
        next_observations;
  };
  class Walk;

  NpzSource(std::unique_ptr<NpzArchive> archive, const ActionRange& actions)
      : archive_(std::move(archive)), actions_(actions) {}
  absl::StatusOr<Arrays> OpenArrays() const;
  // The one of two names that is there; null: neither.
  absl::StatusOr<std::unique_ptr<NpyReader>> OneOf(const std::string& name,
                                                   const std::string& other) const;
  absl::Status TakeShape(const Arrays& arrays);
  absl::Status CheckShape(const NpyReader* array, int width) const;

  const std::unique_ptr<NpzArchive> archive_;
  const ActionRange actions_;
  TableSpec spec_;
  uint64_t rows_ = 0;
};

}  // namespace pmoe
