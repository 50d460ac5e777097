#include "cli/pages.h"

#include "metrics/pages.h"
#include "metrics/registry.h"

namespace kiln::cli {
namespace {

http::Answer answer(metrics::Page page) { return {page.status, std::move(page.body)}; }

}  // namespace

Result<HttpSetup> prepare_http(const HttpCommand& options, bool insecure) {
  HttpSetup setup;
  auto address = http::parse_address(options.address);
  if (!address) return std::move(address).error();
  setup.address = std::move(*address);
  if (!options.token_file.empty()) {
    auto token = http::read_token_file(options.token_file);
    if (!token) return std::move(token).error();
    setup.token = std::move(*token);
  }
  if (!setup.address) return setup;
  if (Status s = http::check_open(*setup.address, !setup.token.empty(), insecure); !s) {
    return std::move(s).error();
  }
  return setup;
}

// Health is open to all: who probes it has no token, and its sentences hold nothing secret.
Result<std::unique_ptr<http::Server>> serve_pages(const HttpSetup& setup,
                                                  std::shared_ptr<metrics::Readiness> readiness,
                                                  std::function<std::string()> metrics) {
  if (!setup.address) return std::unique_ptr<http::Server>();
  std::vector<http::Route> routes;
  routes.push_back({"/metrics",
                    [metrics = std::move(metrics)] {
                      return http::Answer{metrics::kOkStatus, metrics(), metrics::kTextType};
                    },
                    true});
  routes.push_back(
      {"/healthz", [readiness] { return answer(metrics::healthz(*readiness, real_now().mono)); }});
  routes.push_back(
      {"/readyz", [readiness] { return answer(metrics::readyz(*readiness, real_now().mono)); }});
  return http::Server::start({*setup.address, setup.token}, std::move(routes));
}

std::string pages_url(const std::unique_ptr<http::Server>& server) {
  return server ? "http://" + to_string(server->address()) : kNoHttp;
}

}  // namespace kiln::cli
