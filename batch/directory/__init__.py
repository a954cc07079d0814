"""Where the directory comes from: published extracts and files of operators, and an LDAP server."""
