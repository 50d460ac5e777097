import platform, os, pwd, grp, getpass, sysconfig, site
print(platform.python_implementation(), platform.python_version_tuple(), platform.system(), pwd.getpwuid(1000).pw_dir if os.getuid() == 1000 else '', sysconfig.get_platform())
print(site.ENABLE_USER_SITE, site.getusersitepackages(), site.getsitepackages())
