// Messages to bytes and back; the only user of msgpack. Pure, any thread.
//
// Decoding never trusts a header: the whole message is checked before anything is allocated for it
// (size, depth, each container's claim against the bytes that are left), then read field by field.
// Errors are `malformed` (no message of ours), `unsupported` (another version or an unknown tag) or
// `too_large` (a bound of protocol.h) or `invalid_argument` (a field of the wrong type or value;
// `field` names it: "task.limits.wall_ms").
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"
#include "net/protocol.h"

namespace kiln::net {

using FromClient =
    std::variant<Submit, SubmitBatch, StatusOf, ResultOf, Cancel, Subscribe, Unsubscribe, List,
                 Queues, Workers, Ping, Retry, DeadLetters, Admin, PutBlob, GetBlob>;
using ToClient = std::variant<Ok, ErrorReply, Event>;

std::string encode(const FromClient& message);
std::string encode(const ToClient& message);
std::string encode(const model::FromWorker& message);
std::string encode(const model::ToWorker& message);

Result<FromClient> decode_from_client(std::string_view bytes);
Result<ToClient> decode_to_client(std::string_view bytes);
Result<model::FromWorker> decode_from_worker(std::string_view bytes);
Result<model::ToWorker> decode_to_worker(std::string_view bytes);

// The rid of a message that could not be decoded otherwise, so that the error finds its request; 0
// if there is none.
uint64_t peek_rid(std::string_view bytes);

// Programs and results as the store keeps them and leases carry them: a map without "v" and "t".
std::string encode_program(const model::Program& program);
Result<model::Program> decode_program(std::string_view bytes);
std::string encode_result(const model::TaskResult& result);
Result<model::TaskResult> decode_result(std::string_view bytes);

}  // namespace kiln::net
