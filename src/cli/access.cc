#include "cli/access.h"

namespace kiln::cli {

Result<std::optional<net::ClientKeys>> load_keys(const BrokerAccess& broker) {
  if (broker.key.empty() && broker.broker_key.empty()) return std::optional<net::ClientKeys>();
  if (broker.key.empty()) {
    return field_error("key", "the broker's key is given, but not ours",
                       "Give it with --key or KILN_KEY; 'kiln keygen' makes one");
  }
  if (broker.broker_key.empty()) {
    return field_error("broker-key", "our key is given, but not the broker's",
                       "Give its public key with --broker-key or KILN_BROKER_KEY");
  }
  auto own = net::read_key_file(broker.key);
  if (!own) return std::move(own).error();
  auto server = net::read_public_key(broker.broker_key);
  if (!server) return std::move(server).error();
  return std::optional(net::ClientKeys{*own, *server});
}

Result<std::unique_ptr<net::Client>> connect(const BrokerAccess& broker) {
  auto keys = load_keys(broker);
  if (!keys) return std::move(keys).error();
  return net::Client::connect(broker.endpoint, net::kConnectTimeout, *keys);
}

}  // namespace kiln::cli
