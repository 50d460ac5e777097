import time, datetime, calendar, zoneinfo
print(time.gmtime(0), time.strftime('%Y %Z', time.localtime(0)), time.tzname, time.timezone, time.daylight)
print(datetime.datetime(2024, 2, 29) + datetime.timedelta(days=366), calendar.month(2024, 2), datetime.datetime.fromtimestamp(0, datetime.timezone.utc))
print(time.time() > 1.6e9, time.monotonic() > 0, time.perf_counter() > 0)
