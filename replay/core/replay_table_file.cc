// Saving and loading a ReplayTable. A file may be damaged in ways that its CRCs cannot tell
// (another program's, an older one's), so nothing is believed that a later row access depends on.
#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/replay_table.h"

namespace pmoe {
namespace {

constexpr size_t kPageHeaderBytes = 47;

void SaveRow(RowRef row, ByteWriter* out) {
  out->Pod(row.page);
  out->Pod(row.row);
}

void LoadRow(ByteReader* in, RowRef* row) {
  in->Pod(&row->page);
  in->Pod(&row->row);
}

void SavePageHeader(uint32_t slot, const Page& page, ByteWriter* out) {
  out->Pod(slot);
  out->Pod(page.id);
  out->Pod(page.next);
  out->Pod(page.member);
  out->Pod(page.actor);
  out->Pod(page.epoch);
  out->Pod(page.env);
  out->Pod(page.first_step);
  out->Pod(page.rows);
  out->Pod(page.steps);
  out->Pod(page.ready);
  out->Pod(static_cast<uint8_t>(page.open));
}

Page LoadPageHeader(ByteReader* in, uint32_t* slot) {
  Page page;
  uint8_t open = 0;
  in->Pod(slot);
  in->Pod(&page.id);
  in->Pod(&page.next);
  in->Pod(&page.member);
  in->Pod(&page.actor);
  in->Pod(&page.epoch);
  in->Pod(&page.env);
  in->Pod(&page.first_step);
  in->Pod(&page.rows);
  in->Pod(&page.steps);
  in->Pod(&page.ready);
  in->Pod(&open);
  page.open = open != 0;
  page.live = true;
  return page;
}

void LoadSpec(ByteReader* in, TableSpec* spec, int* n_step) {
  in->Pod(&spec->obs_dim);
  in->Pod(&spec->action_dim);
  in->Pod(&spec->extra_dim);
  in->Pod(n_step);
}

}  // namespace

std::string ReplayTable::SaveIndex() const {
  ByteWriter out;
  out.Pod(spec_.obs_dim);
  out.Pod(spec_.action_dim);
  out.Pod(spec_.extra_dim);
  out.Pod(options_.n_step);
  out.Pod(inserted_);
  out.Pod(pool_->next_id());
  out.Pod(pool_->slots());
  out.Vector(pool_->free_list());
  book_.SaveEpochs(&out);
  out.Pod(static_cast<uint64_t>(streams_.size()));
  for (const auto& [key, stream] : streams_) {
    out.Pod(key);
    out.Pod(book_.Find(key.member, key.actor)->next_step.at(key.env));
    SaveRow(stream.head, &out);
    out.Pod(stream.page);
    out.Vector(stream.pending);
  }
  return out.Take();
}

absl::Status ReplayTable::WritePages(const TableSpec& spec, const CopiedPages& pages,
                                     BlockFileWriter* out) {
  const size_t row_bytes = static_cast<size_t>(PagePool(spec).stride()) * sizeof(float);
  absl::string_view rows = pages.rows;
  for (const auto& [slot, page] : pages.pages) {
    ByteWriter header;
    SavePageHeader(slot, page, &header);
    const size_t bytes = page.rows * row_bytes;
    PMOE_RETURN_IF_ERROR(out->Write(kPageBlock, {header.bytes(), rows.substr(0, bytes)}));
    rows.remove_prefix(bytes);
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> ReplayTable::NextIndex(BlockFileReader* in) {
  PMOE_ASSIGN_OR_RETURN(const BlockFileReader::Block block, in->Next());
  if (block.type != kTableBlock) return in->Bad("has no table block where one must be");
  return block.payload;
}

absl::StatusOr<LoadedRows> ReplayTable::Load(BlockFileReader* in, StreamBook book,
                                             const RowRules& rules) {
  ReplayTable loaded(spec_, options_);
  loaded.book_ = std::move(book);
  PMOE_ASSIGN_OR_RETURN(const absl::string_view index, NextIndex(in));
  PMOE_RETURN_IF_ERROR(loaded.LoadFrom(index, in));
  LoadedRows rows = loaded.LeaveOutNonsense(rules);
  PMOE_ASSIGN_OR_RETURN(rows.next, in->Next());
  if (rows.next.type == kOldQueueBlock) {
    if (!options_.fifo.has_value()) return loaded.selector_->LoadState("rollouts");
    PMOE_RETURN_IF_ERROR(loaded.LoadOldQueue(rows.next.payload, in, &rows.next));
    *this = std::move(loaded);
    return rows;
  }
  const bool has_state = rows.next.type == kSelectorBlock;
  PMOE_RETURN_IF_ERROR(loaded.selector_->LoadState(has_state ? rows.next.payload : ""));
  if (has_state) {
    PMOE_ASSIGN_OR_RETURN(rows.next, in->Next());
  }
  loaded.TellSelector();
  *this = std::move(loaded);
  return rows;
}

absl::StatusOr<ReplayTable> ReplayTable::FromFile(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileReader::Open(path));
  PMOE_ASSIGN_OR_RETURN(BlockFileReader::Block shard, file->Next());
  if (shard.type == kHistoryBlock) {
    PMOE_ASSIGN_OR_RETURN(shard, file->Next());
  }
  if (shard.type != kShardBlock) return file->Bad("does not begin with a shard block");
  PMOE_ASSIGN_OR_RETURN(const absl::string_view index, NextIndex(file.get()));
  TableSpec spec;
  ReplayTableOptions options;
  ByteReader head(index);
  LoadSpec(&head, &spec, &options.n_step);
  PMOE_ASSIGN_OR_RETURN(ReplayTable table, Create(spec, options));
  PMOE_RETURN_IF_ERROR(table.LoadFrom(index, file.get()));
  PMOE_ASSIGN_OR_RETURN(const BlockFileReader::Block next, file->Next());
  if (next.type == kOldQueueBlock) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " holds rollouts as versions until November 2026 saved them; dump it with one"));
  }
  table.TellSelector();
  return table;
}

absl::Status ReplayTable::LoadFrom(absl::string_view index, BlockFileReader* in) {
  PMOE_RETURN_IF_ERROR(LoadIndex(index, *in));
  for (int64_t i = pool_->live_pages(); i > 0; --i) {
    PMOE_ASSIGN_OR_RETURN(const BlockFileReader::Block block, in->Next());
    if (block.type != kPageBlock || !LoadPage(block.payload)) return in->Bad("has a bad page");
  }
  if (!Rebuild()) return in->Bad("has pages and streams that do not fit together");
  return absl::OkStatus();
}

absl::Status ReplayTable::LoadIndex(absl::string_view bytes, const BlockFileReader& file) {
  ByteReader in(bytes);
  TableSpec spec;
  int n_step = 0;
  LoadSpec(&in, &spec, &n_step);
  // On-policy n_step says nothing: older files have whatever was configured.
  const bool same_n_step = n_step == options_.n_step || options_.fifo.has_value();
  if (in.ok() && (spec != spec_ || !same_n_step)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the saved table has observations of ", spec.obs_dim, ", actions of ", spec.action_dim,
        ", ", spec.extra_dim, " extra columns and n_step ", n_step, "; this run has ",
        spec_.obs_dim, ", ", spec_.action_dim, ", ", spec_.extra_dim, " and ", options_.n_step,
        "; resume with the saved run's environment and replay.n_step"));
  }
  uint64_t next_id = 0;
  uint32_t slots = 0;
  std::vector<uint32_t> free_list;
  in.Pod(&inserted_);
  in.Pod(&next_id);
  in.Pod(&slots);
  in.Vector(&free_list);
  book_.LoadEpochs(&in);
  LoadStreams(&in);
  PMOE_RETURN_IF_ERROR(in.Finish("the table block"));
  if (free_list.size() > slots || inserted_ < 0 ||
      slots - free_list.size() > file.remaining() / kPageHeaderBytes) {
    return file.Bad("is truncated: it counts more pages than it holds");
  }
  pool_->Restore(slots, std::move(free_list), next_id);
  return absl::OkStatus();
}

void ReplayTable::LoadStreams(ByteReader* in) {
  uint64_t count = 0;
  in->Pod(&count);
  for (uint64_t i = 0; i < count && in->ok(); ++i) {
    StreamKey key{};
    Stream stream;
    uint64_t next_step = 0;
    in->Pod(&key);
    in->Pod(&next_step);
    LoadRow(in, &stream.head);
    in->Pod(&stream.page);
    in->Vector(&stream.pending);
    book_.RestoreStep(key.member, key.actor, key.env, next_step);
    stream.epoch = book_.Find(key.member, key.actor)->epoch;
    streams_[key] = std::move(stream);
  }
}

// Writers go on where they were. Rows that waited are given up and counted as dropped: in lockstep
// there are none, and elsewhere they are less than what the actors hold ready.
absl::Status ReplayTable::LoadOldQueue(absl::string_view index, BlockFileReader* in,
                                       BlockFileReader::Block* next) {
  const absl::Status bad = in->Bad("has a bad rollout queue");
  ByteReader bytes(index);
  TableSpec spec;
  int64_t dropped = 0;
  bytes.Pod(&spec.obs_dim);
  bytes.Pod(&spec.action_dim);
  bytes.Pod(&spec.extra_dim);
  bytes.Pod(&inserted_);
  bytes.Pod(&dropped);
  if (!bytes.ok() || inserted_ < 0 || dropped < 0 || dropped > inserted_) return bad;
  if (pool_->live_pages() > 0 || !streams_.empty()) return bad;  // a table beside the queue
  if (spec != spec_) {
    return absl::FailedPreconditionError("the saved rollout queue has other columns");
  }
  book_.LoadEpochs(&bytes);
  uint64_t streams = 0;
  bytes.Pod(&streams);
  for (uint64_t i = 0; i < streams && bytes.ok(); ++i) {
    uint32_t key[4] = {};  // member, actor, env, epoch
    uint8_t live = 0;
    uint64_t next_step = 0;
    std::vector<float> head;
    bytes.Pod(&key);
    bytes.Pod(&live);
    bytes.Pod(&next_step);
    bytes.Vector(&head);
    if (live != 0) book_.RestoreStep(key[0], key[1], key[2], next_step);
  }
  uint64_t pieces = 0;
  bytes.Pod(&pieces);
  PMOE_RETURN_IF_ERROR(bytes.Finish("the rollout queue block"));
  PMOE_ASSIGN_OR_RETURN(*next, in->Next());
  for (; pieces > 0; --pieces) {
    constexpr size_t kTakenAt = 0, kRowsAt = 45;  // in the piece
    uint32_t taken = 0, rows = 0;
    if (next->type != kOldQueuePieceBlock || next->payload.size() < kRowsAt + sizeof(rows)) {
      return bad;
    }
    std::memcpy(&taken, next->payload.data() + kTakenAt, sizeof(taken));
    std::memcpy(&rows, next->payload.data() + kRowsAt, sizeof(rows));
    if (rows > kPageRows || taken > rows) return bad;
    dropped += rows - taken;
    PMOE_ASSIGN_OR_RETURN(*next, in->Next());
  }
  ByteWriter state;
  state.Pod(dropped);
  return selector_->LoadState(state.bytes());
}

bool ReplayTable::LoadPage(absl::string_view payload) {
  ByteReader in(payload);
  uint32_t slot = 0;
  const Page page = LoadPageHeader(&in, &slot);
  if (!in.ok() || slot >= pool_->slots() || pool_->page(slot).live || page.rows > kPageRows) {
    return false;
  }
  const size_t bytes = size_t{page.rows} * static_cast<size_t>(pool_->stride()) * sizeof(float);
  if (in.remaining() != bytes) return false;
  in.Raw(pool_->mutable_row({slot, 0}), bytes);
  pool_->page(slot) = page;
  return true;
}

// Once more what it heard while the rows came, in an order that gives it the same state.
void ReplayTable::TellSelector() {
  for (const auto& [key, stream] : streams_) {
    selector_->OnStream({key.member, key.actor, key.env, stream.epoch});
  }
  std::vector<std::pair<uint64_t, uint32_t>> pages;  // (id, slot)
  for (uint32_t slot = 0; slot < pool_->slots(); ++slot) {
    if (pool_->page(slot).live) pages.push_back({pool_->page(slot).id, slot});
  }
  std::sort(pages.begin(), pages.end());
  for (const auto& [id, slot] : pages) {
    selector_->OnOpen(slot);
    for (uint32_t i = 0; i < pool_->page(slot).rows; ++i) {
      if ((pool_->flags({slot, i}) & kRowReady) != 0) selector_->OnReady({slot, i}, 1);
    }
  }
  LetGoOfSpent();
  selector_->OnLoaded();
}

}  // namespace pmoe
