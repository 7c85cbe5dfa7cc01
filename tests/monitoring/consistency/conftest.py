"""The whole service over real stores, as the tests of the engine have it."""

from tests.engine.conftest import brokerage, bundle, clock, home, live, patient, serve, service, settings

__all__ = ["brokerage", "bundle", "clock", "home", "live", "patient", "serve", "service", "settings"]
