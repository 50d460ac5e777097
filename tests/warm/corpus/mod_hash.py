import hashlib, hmac, zlib, binascii, base64, secrets, uuid
print(hashlib.sha256(b'a').hexdigest(), hashlib.md5(b'a').hexdigest(), hashlib.blake2b(b'a').hexdigest()[:9], hmac.new(b'k', b'm', 'sha1').hexdigest(), zlib.crc32(b'a'))
print(sorted(hashlib.algorithms_guaranteed), base64.b64encode(b'abc'), binascii.hexlify(b'z'), len(secrets.token_hex()), uuid.UUID(int=1), uuid.uuid5(uuid.NAMESPACE_DNS, 'a'), uuid.uuid4().version)
