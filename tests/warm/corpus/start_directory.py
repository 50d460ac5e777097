import os
print(os.getcwd(), os.listdir('.'), os.umask(0o77), oct(os.umask(0o22)))
