import logging
logging.warning('a warning %d', 3)
logging.getLogger('x.y').error('an error')
logging.info('unseen')
