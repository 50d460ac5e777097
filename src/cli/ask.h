// One question to a broker, and its answer printed: as JSON, or as a table.
#pragma once

#include <string>
#include <utility>

#include "cli/access.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/table.h"
#include "net/client.h"

namespace kiln::cli {

// Connects and asks; the request's number is filled in.
template <class Request>
Result<net::Ok> ask(const BrokerAccess& broker, Request request,
                    Duration timeout = net::kConnectTimeout) {
  auto client = connect(broker);
  if (!client) return std::move(client).error();
  return (*client)->request(std::move(request), timeout);
}

// The exit code.
inline int print_lines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    if (Status printed = print_line(line); !printed.ok()) return fail(printed.error());
  }
  return kExitOk;
}

// What `lines_of` makes of the answer; as JSON the whole answer. Returns the exit code.
template <class LinesOf>
int print_answer(const Result<net::Ok>& answer, bool json, LinesOf lines_of) {
  if (!answer) return fail(answer.error());
  return print_lines(json ? std::vector{answer_json(*answer)} : lines_of(*answer));
}

}  // namespace kiln::cli
