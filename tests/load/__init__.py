"""The benchmark: what a request costs the whole stack, beside the same thing written by hand.

    python -m tests.load --size small --users 16,64,1000 --seconds 10

Every scenario is asked through the public edge, and in the same run from `baseline`, one process
of FastAPI and asyncpg with SQL by hand that gives the same JSON. The users are asyncio clients in a
process of their own, so that what they cost is not counted with the servers.
"""
