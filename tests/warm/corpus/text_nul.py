# bytes: print("a\x00b")
# start: source
pass
