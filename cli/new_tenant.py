"""What a new tenant's settings must be, whichever command makes it."""

from typing import Annotated

import typer

from lintel.errors import InputError, NotFoundError
from lintel.events.timezones import utc_offsets
from lintel.home import check_tenant_id
from lintel.labels.definition import load_label_set
from lintel.store.tenants import Tenant

Labels = Annotated[str, typer.Option("--labels", help="Label set of a tenant that is new.")]
Zone = Annotated[str, typer.Option("--time-zone", help="Time zone of a tenant that is new.")]


def check_new(tenant: Tenant) -> None:
    """Raises InputError for an id, a time zone or a label set that cannot be."""
    check_tenant_id(tenant.id)
    utc_offsets(tenant.time_zone)
    try:
        load_label_set(tenant.labels)
    except NotFoundError as error:
        raise InputError(error.message, mend=error.mend) from None
