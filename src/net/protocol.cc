#include "net/protocol.h"

#include <array>

#include "model/words.h"

namespace kiln::net {
namespace {

#define KILN_X(name) #name,
constexpr std::array<std::string_view, kDeadLetterOpCount> kDeadLetterOps = {
    KILN_DEAD_LETTER_OPS(KILN_X)};
constexpr std::array<std::string_view, kAdminOpCount> kAdminOps = {KILN_ADMIN_OPS(KILN_X)};
#undef KILN_X

}  // namespace

std::string_view to_string(DeadLetterOp op) { return kDeadLetterOps[static_cast<size_t>(op)]; }
std::string_view to_string(AdminOp op) { return kAdminOps[static_cast<size_t>(op)]; }
std::optional<DeadLetterOp> parse_dead_letter_op(std::string_view name) {
  return model::find_word<DeadLetterOp>(kDeadLetterOps, name);
}
std::optional<AdminOp> parse_admin_op(std::string_view name) {
  return model::find_word<AdminOp>(kAdminOps, name);
}

}  // namespace kiln::net
