import asyncio
async def f(n):
    await asyncio.sleep(0.001 * n)
    return n
async def main():
    print(await asyncio.gather(*(f(i) for i in range(5))))
    try:
        await asyncio.wait_for(asyncio.sleep(5), 0.01)
    except asyncio.TimeoutError as e:
        print('timeout', repr(e))
asyncio.run(main())
