// From a request to its answer: method, host, token, route. No I/O.
#pragma once

#include <boost/beast/http.hpp>
#include <string>
#include <vector>

#include "http/server.h"

namespace kiln::http {

using Request = boost::beast::http::request<boost::beast::http::empty_body>;
using Reply = boost::beast::http::response<boost::beast::http::string_body>;

struct Site {
  ServerOptions options;
  std::vector<Route> routes;
};

Reply reply_to(const Site& site, const Request& request);
// To what is no request, or is too large; the connection ends with it.
Reply refuse(boost::beast::http::status status, const std::string& why);
// The reason and status for a request that could not be read; nothing is answered to a silent peer.
std::optional<Reply> reply_to_failure(const boost::system::error_code& error);

}  // namespace kiln::http
