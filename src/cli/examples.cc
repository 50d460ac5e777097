#include "cli/examples.h"

#include <array>

namespace kiln::cli {
namespace {

struct Example {
  std::string_view command;
  std::string_view line;
};

constexpr std::array kExamples = {
    Example{"", "kiln run examples/hello.py"},
    Example{"", "echo 'print(6 * 7)' | kiln run - --language python"},
    Example{"run", "kiln run examples/hello.py"},
    Example{"run", "kiln run examples/greet.py --arg Ada --arg Grace"},
    Example{"run", "kiln run examples/sort_lines.sh --stdin examples/words.txt"},
    Example{"run", "kiln run examples/count_words.py --file examples/words.txt"},
    Example{"run", "kiln run examples/primes.cpp --arg 50"},
    Example{"run", "kiln run examples/squares.py --out $(mktemp -d)"},
    Example{"run", "echo 'print(6 * 7)' | kiln run - --language python --quiet"},
    Example{"run", "kiln run examples/hello.py --timeout 2 --memory 64 --json"},
    Example{"serve", "kiln serve"},
    Example{"serve", "kiln serve --data /tmp/kiln-data --clients 'tcp://127.0.0.1:*' --slots 4"},
    Example{"broker", "kiln broker --data /tmp/kiln-data"},
    Example{"worker", "kiln worker --broker tcp://127.0.0.1:5571 --name oven-1 --slots 2"},
    Example{"broker",
            "kiln broker --key /tmp/kiln-keys/broker.key --allow /tmp/kiln-keys/allow "
            "--clients tcp://0.0.0.0:5570 --workers tcp://0.0.0.0:5571"},
    Example{"worker",
            "kiln worker --broker tcp://127.0.0.1:5571 --key /tmp/kiln-keys/oven-1.key "
            "--broker-key /tmp/kiln-keys/broker.pub"},
    Example{"submit", "kiln submit examples/hello.py"},
    Example{"submit",
            "kiln submit examples/hello.py examples/sort_lines.sh --priority 8 --no-cache"},
    Example{"status", "id=$(kiln submit examples/hello.py) && kiln status $id"},
    Example{"result", "id=$(kiln submit examples/hello.py) && kiln result $id --wait 30"},
    Example{"result", "id=$(kiln submit examples/hello.py) && kiln result $id --wait 30 --json"},
    Example{"cancel", "id=$(kiln submit examples/endless.py --no-cache) && kiln cancel $id"},
    Example{"submit",
            "kiln submit examples/hello.py --countdown 1 --max-retries 1 --retry-on signaled"},
    Example{"status", "id=$(kiln submit examples/hello.py) && kiln status $id --history"},
    Example{
        "retry",
        "id=$(kiln submit examples/endless.py --no-cache) && kiln cancel $id && kiln retry $id"},
    Example{"logs", "id=$(kiln submit examples/hello.py) && kiln logs $id --follow"},
    Example{"list", "kiln list --state queued"},
    Example{"list", "kiln list --limit 10 --json"},
    Example{"queues", "kiln queues"},
    Example{"queues", "kiln queues pause default && kiln queues resume default"},
    Example{"queues", "kiln queues set default --max-retries 5 --retry-delay 2"},
    Example{"queues", "kiln queues purge default"},
    Example{"workers", "kiln workers --json"},
    Example{"workers", "kiln workers ping $(hostname)"},
    Example{"doctor", "kiln doctor"},
    Example{"doctor", "kiln doctor --json"},
    Example{"dead-letters", "kiln dead-letters list --verdict wall_timeout"},
    Example{"dead-letters", "kiln dead-letters requeue --queue default --dry-run"},
    Example{"dead-letters", "kiln dead-letters purge --all --rate 50"},
    Example{"keygen", "kiln keygen --out $(mktemp -d)/oven-1.key --role worker"},
    Example{"keygen", "kiln keygen --out $(mktemp -d)/ada.key --tenant red --json"},
    Example{"bench", "kiln bench"},
    Example{"bench", "kiln bench latency --tasks 50 --json"},
    Example{"bench", "kiln bench rate --noop --rate 500 --tasks 1000"},
    Example{"verify", "kiln verify --data /tmp/kiln-data"},
    Example{"verify", "kiln verify --data /tmp/kiln-data --all-ended --json"},
};

}  // namespace

std::string examples_of(std::string_view command) {
  std::string text = "Examples:\n";
  for (const Example& example : kExamples) {
    if (example.command == command) text += "  $ " + std::string(example.line) + "\n";
  }
  return text;
}

}  // namespace kiln::cli
