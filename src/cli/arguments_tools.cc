#include "cli/arguments_parts.h"

namespace kiln::cli {
namespace {

void add_keygen(CommandLine& line) {
  std::shared_ptr<KeygenOptions> options;
  CLI::App& keygen = *add_command(
      line, "keygen", "Make a key; prints its public half and its allow-list line", options);
  keygen
      .add_option("--out", options->out,
                  "Where the secret key goes, and the public one as .pub beside it (default " +
                      options->out + ")")
      ->type_name("FILE");
  keygen.add_option("--role", options->role, "In the line: client (default), worker or admin")
      ->check(CLI::IsMember({"client", "worker", "admin"}))
      ->type_name("ROLE");
  keygen.add_option("--tenant", options->tenant,
                    "In the line: whose tasks it sees (default " + options->tenant + ")");
  keygen.add_option("--name", options->name, "In the line (default: the file's name)");
  add_json(keygen, options->json);
}

void add_verify(CommandLine& line) {
  std::shared_ptr<VerifyOptions> options;
  CLI::App& verify = *add_command(
      line, "verify", "Check a broker's data directory; 1 if something is wrong", options);
  verify.add_option("--data", options->data, "The directory; a broker may be using it")
      ->envname("KILN_DATA")
      ->type_name("DIRECTORY");
  verify
      .add_option("--ledger", options->ledger,
                  "What clients were told, a JSON line for each time (docs/verify.md)")
      ->type_name("FILE");
  verify.add_flag("--all-ended", options->all_ended, "Every task must have ended");
  add_json(verify, options->json);
}

void add_bench(CommandLine& line) {
  std::shared_ptr<BenchOptions> options;
  CLI::App& bench =
      *add_command(line, "bench", "Measure a broker and its workers, here or on --broker", options);
  bench
      .add_option("PATTERN", options->pattern,
                  "throughput (default): --clients at once, each with --window tasks under way;\n"
                  "latency: one such client; sparse: one task every 100 ms;\n"
                  "rate: --rate tasks a second, whether earlier ones have ended or not")
      ->check(CLI::IsMember({"throughput", "latency", "sparse", "rate"}));
  bench.add_option("--tasks", options->tasks, "How many (default 200)")
      ->check(CLI::Range(1, 10'000'000))
      ->type_name("NUMBER");
  bench.add_option("--clients", options->clients, "Connections (default 8)")
      ->check(CLI::Range(1, 256))
      ->type_name("NUMBER");
  bench.add_option("--window", options->window, "For throughput: tasks of each client (default 1)")
      ->check(CLI::Range(1, 1'000))
      ->type_name("NUMBER");
  bench.add_option("--rate", options->rate, "For rate: tasks a second (default 50)")
      ->check(CLI::Range(0.1, 100'000.0))
      ->type_name("NUMBER");
  bench.add_flag("--noop", options->noop,
                 "Tasks that run nothing: the broker alone (needs a worker --noop)");
  bench.add_option("--slots", options->slots, "Of its own worker (default: one for each CPU)")
      ->check(CLI::Range(1, 1'024))
      ->type_name("NUMBER");
  line.bindings.add_broker(bench, options->broker,
                           "Measure it there instead of a broker and worker of its own");
  add_json(bench, options->json);
}

void add_doctor(CommandLine& line) {
  std::shared_ptr<DoctorOptions> options;
  CLI::App& doctor = *add_command(
      line, "doctor",
      "Whether programs can be run here in full isolation: 0 if so, 1 with what is missing",
      options);
  doctor.add_option("--data", options->data, "The data directory that would be used")
      ->envname("KILN_DATA")
      ->type_name("DIRECTORY");
  add_json(doctor, options->json);
}

}  // namespace

void add_tools(CommandLine& line) {
  add_keygen(line);
  add_verify(line);
  add_bench(line);
  add_doctor(line);
}

}  // namespace kiln::cli
