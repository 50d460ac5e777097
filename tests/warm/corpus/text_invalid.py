# bytes: print("\xff")
# start: source
pass
