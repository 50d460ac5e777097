echo "nothing to do" >&2
exit 3
