// The way to a broker with the keys that a person named.
#pragma once

#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "net/client.h"
#include "net/keys.h"

namespace kiln::cli {

// None where neither is named. Errors: those of net::read_key_file and net::read_public_key;
// invalid_argument when only one of the two is named.
Result<std::optional<net::ClientKeys>> load_keys(const BrokerAccess& broker);
// Errors: those of load_keys and net::Client::connect.
Result<std::unique_ptr<net::Client>> connect(const BrokerAccess& broker);

}  // namespace kiln::cli
