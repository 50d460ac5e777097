import socket, select, selectors, ssl, errno
a, b = socket.socketpair(); a.sendall(b'x'); print(select.select([b], [], [], 1)[0] == [b], b.recv(1))
try:
    socket.create_connection(('127.0.0.1', 9), 1)
except OSError as e:
    print(e.errno == errno.ENETUNREACH or e.errno == errno.ECONNREFUSED, type(selectors.DefaultSelector()).__name__, ssl.OPENSSL_VERSION.split()[0])
