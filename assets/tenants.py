"""The partitions of every asset: one tenant each."""

import dagster as dg

TENANTS = dg.DynamicPartitionsDefinition(name="tenants")
