"""The directory on both databases: imports, searches, an LDAP server."""
