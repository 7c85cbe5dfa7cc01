"""How Alembic runs the migrations of the events database: on the connection and in the transaction it is given."""

from alembic import context

from lintel.store.tables import EVENTS

context.configure(connection=context.config.attributes["connection"], target_metadata=EVENTS)
context.run_migrations()
