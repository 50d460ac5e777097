import warnings
warnings.warn('a user warning')
warnings.warn('deprecated', DeprecationWarning)
warnings.warn('pending', PendingDeprecationWarning)
for _ in range(3): warnings.warn('once')
print(warnings.filters)
