"""PostgreSQL through asyncpg: schema, store, probes."""
