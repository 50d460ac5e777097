import asyncio
async def main():
    async with asyncio.TaskGroup() as g:
        g.create_task(asyncio.sleep(0))
        g.create_task(fail())
async def fail():
    raise ValueError('in a task')
asyncio.run(main())
