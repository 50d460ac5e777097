// The scheduler's answers as clients see them. What is not live is read from the store here, after
// the commit that the answer waited for. One owner.
#pragma once

#include <memory>

#include "core/effects.h"
#include "net/codec.h"
#include "store/store.h"

namespace kiln::actors {

net::TaskInfo task_info(const model::TaskRow& row);
// Encoded; where it fits no message, an error that says so.
std::string encode_answer(const net::ToClient& answer);

class Answers {
 public:
  explicit Answers(std::shared_ptr<store::Reader> reader) : reader_(std::move(reader)) {}

  // Ok, or an ErrorReply where the store cannot be read or has no such task of this tenant.
  net::ToClient make(core::Reply reply);

  // What the client asked for, without its number.
  Result<net::Ok> read(const core::ClientRef& client, const core::FromStore& wanted);

  Result<std::optional<model::TaskRow>> read_row(const TaskId& id) {
    return reader_->find_task(id);
  }
  store::ReadTogether read_together() { return store::ReadTogether(*reader_); }
  // The encoded program of a task. Errors: those of store::Reader; corrupt if it is missing.
  Result<model::Bytes> read_program(const TaskId& id);

 private:
  Result<net::Ok> status(core::StatusView&& view);
  Result<std::vector<net::EventInfo>> history(const model::TaskRow& row);
  Result<net::Ok> task(const core::ClientRef& client, const core::FromStore& wanted);
  Result<net::Ok> list(const core::ClientRef& client, const core::QueryList& wanted);

  std::shared_ptr<store::Reader> reader_;
};

}  // namespace kiln::actors
