import contextvars
print(len(contextvars.copy_context()), contextvars.copy_context() == contextvars.Context())
