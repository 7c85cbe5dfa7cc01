"""Lintel: lead intelligence for real-estate CRMs. This package is the domain; frameworks stay outside."""

__version__ = "0.1.0"
