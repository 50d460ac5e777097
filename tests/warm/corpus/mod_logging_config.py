import logging, logging.handlers, sys
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format='%(levelname)s %(name)s %(module)s %(lineno)d %(message)s %(processName)s %(threadName)s')
logging.getLogger('a.b').debug('x %s', 1)
try:
    1 / 0
except ZeroDivisionError:
    logging.exception('failed')
