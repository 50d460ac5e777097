名前 = 'ユニコード'
print(名前, len(名前), '🙂', ascii('🙂'))
