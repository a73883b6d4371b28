"""Django admin for support staff: all of it audited, and what the customer's own pages change only to be read."""

from workspaces.admin import customers, members, people, traffic

__all__ = ["customers", "members", "people", "traffic"]
