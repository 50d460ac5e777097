#include "http/reply.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <exception>

namespace kiln::http {
namespace {

namespace bhttp = boost::beast::http;
using bhttp::field;
using bhttp::status;

constexpr std::string_view kBearer = "Bearer ";

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

Reply make(status code, std::string body, const Request& request) {
  Reply reply{code, request.version()};
  reply.set(field::content_type, "text/plain; charset=utf-8");
  reply.body() = std::move(body);
  reply.keep_alive(request.keep_alive());
  return reply;
}

// Takes as long whatever the two differ in, but for their lengths.
bool same_secret(std::string_view given, std::string_view secret) {
  if (given.size() != secret.size()) return false;
  unsigned char differs = 0;
  for (size_t i = 0; i < secret.size(); ++i) {
    differs = static_cast<unsigned char>(differs | (given[i] ^ secret[i]));
  }
  return differs == 0;
}

bool has_token(const Request& request, const std::string& token) {
  const std::string_view given = view(request[field::authorization]);
  if (given.size() < kBearer.size()) return false;
  // The scheme's name is of either case (RFC 9110, section 11.1).
  const bool bearer =
      std::ranges::equal(given.substr(0, kBearer.size()), kBearer, [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) ==
               std::tolower(static_cast<unsigned char>(b));
      });
  return bearer && same_secret(given.substr(kBearer.size()), token);
}

// A name that leads here can be a stranger's; an address cannot.
bool known_host(const Request& request) {
  std::string host(view(request[field::host]));
  if (host.empty()) return true;
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  boost::system::error_code refused;
  boost::asio::ip::make_address(host, refused);
  return !refused || host == "localhost";
}

Reply run(const Route& route, const Request& request) {
  try {
    Answer answer = route.answer();
    Reply reply = make(static_cast<status>(answer.status), std::move(answer.body), request);
    reply.set(field::content_type, answer.content_type);
    reply.set(field::cache_control, "no-store");
    return reply;
  } catch (const std::exception&) {  // a library's: ours are values
    return make(status::internal_server_error, "the answer could not be made\n", request);
  }
}

Reply answer_to(const Site& site, const Request& request) {
  const ServerOptions& options = site.options;
  if (options.token.empty() && options.address.loopback && !known_host(request)) {
    return make(status::misdirected_request, "Host is not this machine: ask by its address\n",
                request);
  }
  std::string_view path = view(request.target());
  path = path.substr(0, path.find('?'));
  const auto route = std::ranges::find(site.routes, path, &Route::path);
  if (route == site.routes.end())
    return make(status::not_found, "there is no such page\n", request);
  if (request.method() != bhttp::verb::get && request.method() != bhttp::verb::head) {
    Reply reply = make(status::method_not_allowed, "only GET and HEAD\n", request);
    reply.set(field::allow, "GET, HEAD");
    return reply;
  }
  if (route->guarded && !options.token.empty() && !has_token(request, options.token)) {
    Reply reply = make(status::unauthorized, "a bearer token is needed\n", request);
    reply.set(field::www_authenticate, "Bearer");
    return reply;
  }
  return run(*route, request);
}

}  // namespace

Reply reply_to(const Site& site, const Request& request) {
  Reply reply = answer_to(site, request);
  reply.content_length(reply.body().size());
  if (request.method() == bhttp::verb::head) reply.body().clear();
  return reply;
}

Reply refuse(status code, const std::string& why) {
  constexpr unsigned kHttp11 = 11;
  Reply reply{code, kHttp11};
  reply.set(field::content_type, "text/plain; charset=utf-8");
  reply.keep_alive(false);
  reply.body() = why;
  reply.prepare_payload();
  return reply;
}

std::optional<Reply> reply_to_failure(const boost::system::error_code& error) {
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return refuse(status::request_header_fields_too_large, "the request is too large\n");
  }
  if (error == bhttp::error::unexpected_body || error == bhttp::error::body_limit) {
    return refuse(status::payload_too_large, "no body is taken\n");
  }
  const bool no_request =
      error == bhttp::error::end_of_stream || error == bhttp::error::partial_message ||
      error.category() != bhttp::make_error_code(bhttp::error::bad_method).category();
  if (no_request) return std::nullopt;
  return refuse(status::bad_request, "this is no HTTP request\n");
}

}  // namespace kiln::http
