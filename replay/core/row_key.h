// The name of a row that a learner got, under which it says later what it learned of it: where the
// row is, and whose page was there then. A plain value; goes over the wire as it is.
#pragma once

#include <cstdint>

namespace pmoe {

struct RowKey {
  uint32_t place = 0;       // kPageRows * slot of the page + row
  uint32_t generation = 0;  // the low half of the page's id: no two pages of a slot share it soon
  bool operator==(const RowKey&) const = default;
};
static_assert(sizeof(RowKey) == 8);

}  // namespace pmoe
