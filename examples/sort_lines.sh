# Sorts its input: kiln run examples/sort_lines.sh --stdin examples/words.txt
sort
