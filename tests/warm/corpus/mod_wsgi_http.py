import http.client, http.server, http.cookies, urllib.request, urllib.error, ftplib, smtplib, ipaddress, netrc
print(http.HTTPStatus(404), http.cookies.SimpleCookie('a=b'), ipaddress.ip_network('10.0.0.0/30'), list(ipaddress.ip_network('10.0.0.0/30').hosts()))
try:
    urllib.request.urlopen('http://127.0.0.1:9/', timeout=1)
except urllib.error.URLError as e:
    print(type(e.reason).__name__ in ('OSError', 'ConnectionRefusedError'))
