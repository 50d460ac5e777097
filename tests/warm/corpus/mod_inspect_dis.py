import dis, ast, tokenize, symtable, io, code, codeop
def f(a, *b, c=1, **d): return a + c
dis.dis(f)
print(ast.dump(ast.parse('x = 1 + 2')), [t.string for t in tokenize.generate_tokens(io.StringIO('a + 1').readline)], symtable.symtable('x = 1', 'n', 'exec').get_identifiers())
print(codeop.compile_command('if 1:'), dis.stack_effect(dis.opmap['POP_TOP']))
