// The HTTP pages of a broker or a worker: /metrics, /healthz, /readyz.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/arguments.h"
#include "http/server.h"
#include "metrics/readiness.h"

namespace kiln::cli {

struct HttpSetup {
  std::optional<http::Address> address;  // none: no server
  std::string token;
};

// Reads the token while the process may. Errors: invalid_argument (an address that others can reach
// without a token), io_error.
Result<HttpSetup> prepare_http(const HttpCommand& options, bool insecure);

// None where none is wanted. `metrics` is called on the server's thread. Errors: io_error.
Result<std::unique_ptr<http::Server>> serve_pages(const HttpSetup& setup,
                                                  std::shared_ptr<metrics::Readiness> readiness,
                                                  std::function<std::string()> metrics);
// "http://127.0.0.1:8080", or "off".
std::string pages_url(const std::unique_ptr<http::Server>& server);

}  // namespace kiln::cli
