// One thread, one io_context. A connection reads a request, answers it and reads the next; each
// read and each write has the request time, so that a client that sends a byte now and then holds
// its place no longer than that.
#include "http/server.h"

#include <signal.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <thread>

#include "http/reply.h"

namespace kiln::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptPause{100};  // after a failed accept (no descriptors)

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const Site& site, size_t& open)
      : stream_(std::move(socket)), site_(site), open_(open) {
    ++open_;
  }
  ~Connection() { --open_; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(0);
    stream_.expires_after(site_.options.request_time);
    beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->have_read(error); });
  }

 private:
  void have_read(error_code error) {
    if (!error) return write(reply_to(site_, parser_->get()));
    if (auto reply = reply_to_failure(error)) write(std::move(*reply));
  }

  void write(Reply reply) {
    reply_ = std::move(reply);
    stream_.expires_after(site_.options.request_time);
    // A HEAD's length is that of the body it does not have, so the header is written alone.
    serializer_.emplace(reply_);
    const auto done = [self = shared_from_this()](error_code error, size_t) {
      self->have_written(error);
    };
    if (reply_.body().empty()) {
      beast::http::async_write_header(stream_, *serializer_, done);
    } else {
      beast::http::async_write(stream_, *serializer_, done);
    }
  }

  void have_written(error_code error) {
    if (error) return;
    if (reply_.keep_alive()) return read();
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
  }

  beast::tcp_stream stream_;
  const Site& site_;
  size_t& open_;
  beast::flat_buffer buffer_{2 * kMaxHeaderBytes};
  std::optional<beast::http::request_parser<beast::http::empty_body>> parser_;
  Reply reply_;
  std::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
};

}  // namespace

class Server::Impl {
 public:
  explicit Impl(Site site) : site_(std::move(site)) {}
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start() {
    Address& address = site_.options.address;
    error_code error;
    const tcp::endpoint where(asio::ip::make_address(address.host), address.port);
    acceptor_.open(where.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(where, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return Error{ErrorCode::io_error, "cannot listen on " + to_string(address) + " for HTTP",
                   "http", error.message(), "Give another address with --http, or --http off"};
    }
    address.port = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { run(); });
    return {};
  }

  const Address& address() const { return site_.options.address; }

  void stop() {
    if (!thread_.joinable()) return;
    context_.stop();
    thread_.join();
  }

 private:
  void run() {
    sigset_t all;  // signals are for the main thread
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    context_.run();
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) return accept_later();
      if (open_ < kMaxConnections) {
        std::make_shared<Connection>(std::move(socket), site_, open_)->read();
      }
      accept();
    });
  }

  void accept_later() {
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](error_code error) {
      if (!error) accept();
    });
  }

  Site site_;
  size_t open_ = 0;  // connections; used on the server's thread, and outlives the context
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer pause_{context_};
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, std::vector<Route> routes) {
  auto impl = std::make_unique<Impl>(Site{std::move(options), std::move(routes)});
  if (Status started = impl->start(); !started) return std::move(started).error();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const Address& Server::address() const { return impl_->address(); }
void Server::stop() { impl_->stop(); }

}  // namespace kiln::http
