"""The screens of each family, one module a folder of ``portal_ihm``."""
