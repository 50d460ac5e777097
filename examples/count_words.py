"""Counts the words of a file put beside it: kiln run examples/count_words.py --file examples/words.txt"""

with open("words.txt", encoding="utf-8") as file:
    print(len(file.read().split()), "words")
