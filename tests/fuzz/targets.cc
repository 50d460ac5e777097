#include "tests/fuzz/targets.h"

#include <cstdio>
#include <cstdlib>

#include "net/codec.h"
#include "tests/net/samples.h"

namespace kiln::net {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

}  // namespace

void fuzz_decoder(std::string_view target, std::string_view bytes) {
  static_cast<void>(peek_rid(bytes));
  const auto once = recode(target, bytes);
  if (!once.ok()) {
    require(once.error().code != ErrorCode::internal, "a decoder blames us for its input");
    require(!once.error().message.empty(), "an error says nothing");
    require(model::is_utf8(once.error().text()), "an error is not UTF-8");
    return;
  }
  const auto twice = recode(target, *once);
  require(twice.ok(), "what was encoded is not accepted");
  require(*twice == *once, "encoding again gives other bytes");
}

}  // namespace kiln::net
