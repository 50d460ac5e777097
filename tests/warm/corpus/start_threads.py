import threading, _thread
print(threading.active_count(), threading.current_thread() is threading.main_thread(), threading.main_thread().name)
print(threading.get_ident() == threading.main_thread().ident, threading.get_native_id() == threading.main_thread().native_id)
