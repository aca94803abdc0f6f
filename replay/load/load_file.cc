#include "replay/load/load_file.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "common/rpc/rpc_status.h"
#include "replay/load/check_rows.h"
#include "replay/load/load_sender.h"

namespace pmoe {
namespace {

constexpr size_t kTextMax = 512;  // of the shard's, for people

// What the shard answers when all was sent, or when `interrupted`.
absl::StatusOr<LoadReply> SendRows(RowSource* source, LoadSender* sender,
                                   const std::atomic<bool>& interrupted) {
  RowProgress progress("sent", source->rows());
  const auto send = [&](const SourceRow& row) {
    progress.OnRow(row.index);
    PMOE_RETURN_IF_ERROR(CheckInterrupt(interrupted));
    return sender->Add(row);
  };
  absl::Status sent = source->Visit(send).status();
  if (sent.ok() || interrupted) sent = sender->Flush();
  absl::StatusOr<LoadReply> reply = sender->Finish();
  // The file cannot be read to its end any more; the shard has the rows before.
  if (reply.ok() && !sent.ok()) return sent;
  return reply;
}

absl::Status Failed(const LoadFileOptions& options, const LoadSender& sender,
                    const absl::Status& why) {
  std::string text =
      absl::StrCat(options.shard.Text(), ": ", PrintableText(why.message(), kTextMax));
  if (IsTransient(why) && sender.rows_sent() > 0) {
    absl::StrAppend(&text, "; ", sender.rows_sent(),
                    " rows were sent until then, pmoe status says how many are \"loaded\"");
  }
  return absl::Status(why.code(), text);
}

void PrintReply(const LoadReply& reply, uint64_t left_out, double seconds, std::FILE* out) {
  const TableStats& stats = reply.stats();
  const std::string left =
      left_out > 0 ? absl::StrCat(", left out ", left_out, " that have no successor") : "";
  std::fprintf(out, "loaded %s rows%s, in %.1f s; the table holds %s of at most %s\n",
               std::to_string(reply.rows()).c_str(), left.c_str(), seconds,
               std::to_string(stats.size()).c_str(), std::to_string(reply.capacity()).c_str());
  if (stats.durability() == "none") {
    std::fputs("replay.durability is none: a kill takes them until the next checkpoint\n", out);
  }
}

}  // namespace

absl::Status LoadFile(const LoadFileOptions& options, const std::atomic<bool>& interrupted,
                      std::FILE* out) {
  const auto of_file = [&](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat(options.path, ": ", status.message()));
  };
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> source,
                        OpenRows(options.path, options.actions));
  const absl::StatusOr<uint64_t> good = CheckRows(source.get(), interrupted);
  if (!good.ok()) return of_file(good.status());
  const uint64_t left_out = source->rows() - *good;
  Stopwatch watch;
  LoadHello hello;
  hello.set_table(options.table);
  LoadSender sender(source->spec(), std::move(hello), options.shard, options.security);
  const absl::StatusOr<LoadReply> reply = SendRows(source.get(), &sender, interrupted);
  if (absl::IsInvalidArgument(reply.status())) return of_file(reply.status());
  if (!reply.ok()) return Failed(options, sender, reply.status());
  PrintReply(*reply, interrupted ? 0 : left_out, watch.Elapsed(), out);
  if (!interrupted) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("interrupted; the ", reply->rows(), " of ", *good,
                                           " rows that were loaded stay in the table"));
}

}  // namespace pmoe
