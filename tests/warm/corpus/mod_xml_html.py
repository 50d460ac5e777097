import xml.etree.ElementTree as ET, html, html.parser, xml.dom.minidom, urllib.parse, email.message, mimetypes
r = ET.fromstring('<a x="1"><b>t</b></a>'); print(ET.tostring(r), html.escape('<&>'), xml.dom.minidom.parseString('<a/>').toxml(), urllib.parse.urlparse('http://h:1/p?q=1#f'))
m = email.message.EmailMessage(); m['Subject'] = 'é'; m.set_content('body'); print(m.as_string(), mimetypes.guess_type('a.png'))
