# start: environment
# env: HOME=/tmp
import pathlib, site
print(pathlib.Path.home(), site.USER_SITE)
