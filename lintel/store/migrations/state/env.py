"""How Alembic runs the migrations of the state database: on the connection and in the transaction it is given."""

from alembic import context

from lintel.store.tables import STATE

context.configure(connection=context.config.attributes["connection"], target_metadata=STATE)
context.run_migrations()
