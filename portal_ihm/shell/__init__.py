"""What every screen shares: context, errors, headers, labels, paging, templates."""
