import runpy, sys
if 'again' not in sys.argv:
    sys.argv.append('again')
    runpy.run_path(sys.argv[0], run_name='__main__')
    import main
print(__name__)
