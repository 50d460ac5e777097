// kiln keygen: a key pair in two files. Standard output has the public key and, on the next line,
// what the broker's allow list needs, so that scripts can take either.
#include <filesystem>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "model/task.h"
#include "net/keys.h"

namespace kiln::cli {
namespace {

Status print(const KeygenOptions& options, const net::KeyFiles& files, const std::string& key,
             const std::string& line) {
  if (options.json) {
    return print_line(words_json({{"key_file", files.secret_path},
                                  {"public_key_file", files.public_path},
                                  {"public_key", key},
                                  {"allow_line", line}}));
  }
  say("the secret key is in " + files.secret_path + ", the public one in " + files.public_path);
  if (Status s = print_line(key); !s) return s;
  return print_line(line);
}

}  // namespace

int execute(const KeygenOptions& options) {
  std::filesystem::path path(options.out);
  if (path.extension() == ".key") path.replace_extension();
  const std::string file = path.filename().string();
  const std::string name = options.name.empty() ? file : options.name;
  for (const auto& [field, word] : {std::pair("name", name), std::pair("tenant", options.tenant)}) {
    if (Status s = model::validate_name(field, word); !s) return fail(s.error());
  }
  const std::string parent = path.has_parent_path() ? path.parent_path().string() : ".";
  const net::KeyPair keys = net::generate_keypair();
  const auto files = net::write_key_files(parent, file, keys);
  if (!files) return fail(files.error());
  const std::string key = net::key_text(keys.public_key);
  const Status printed =
      print(options, *files, key, key + " " + options.role + " " + options.tenant + " " + name);
  return printed.ok() ? kExitOk : fail(printed.error());
}

}  // namespace kiln::cli
